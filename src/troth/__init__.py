"""Troth runs a privacy policy: checked, executed and proven, clause by clause."""
