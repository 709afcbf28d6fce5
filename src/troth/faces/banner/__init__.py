"""The banner: one script for each language, built from the policy, that asks visitors and holds back what waits."""
