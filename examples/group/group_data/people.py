"""Who is in the databases: invented people at invented companies, and the three of the story."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from group_data.chance import Chance

FIRST_NAMES = """
Adélaïde Anouk Anselme Armel Aurèle Basile Bérénice Blandine Brieuc Camille Capucine Cléo Cyprien Désiré Dorothée
Éloïse Emeric Fantine Félicien Gaëtan Ghislaine Guénolé Héloïse Hermine Hippolyte Inès Isaure Joachim Joséphine
Kélian Léandre Lilas Ludivine Maëlle Marceau Mirabelle Naïm Noémie Octave Ombeline Pénélope Perrine Quitterie Rémi
Romane Sabine Séverin Solène Théophile Tiphaine Ulysse Violaine Wilfried Xavière Yaël Yvain Zélie Zoé Åsa Jürgen João
Łucja Søren Þórunn Ελένη Marie-Cécile François-Xavier
""".split()  # noqa: SIM905  (a list of words reads better as words)

LAST_NAMES = """
Abrevault Aubrelong Belcastan Bourdelisque Brissandre Cabrevin Chantegrive Cordelande Courmisol Dandrelle Daspremine
Destournelle Dubrisson Escarvaille Falquerive Faubrelin Fontargue Galandrin Gribeauvert Guermantel Hautebrie
Hercourtin Isambelle Jolimontel Kerbrazenn Kermalven Lacombrelle Lantagrise Larmoisin Mainvaudry Malvoisel
Merlandrou Montsabrey Noirvaudon Orgevalet Pastourin Peyrelongue Plouharnec'h Pontaubrac Quinsonnet Rabastiers
Rochemiral Roquelandre Saint-Aubrelle Sauvadrine Sorbevin Talandrier Tourdoucet Vauclandre Verdonnelle Villebranche
D'Ombrecourt O'Kerrane Østergaard-Vinde Müllenbrück Nguyễn-Valdre
""".split()  # noqa: SIM905

ODD_NAMES = (
    ('Anne "Nanou"', "Pastourin"),
    ("Jean\\Luc", "Sorbevin"),
    ("100 % Bio", "Tourdoucet"),
    (None, "Belcastan"),
    ("Ro'i", "O'Kerrane"),
    (
        "Marie-Antoinette-Philippine-Eugénie",
        "de la Rochemiral-Saint-Aubrelle et de Montsabrey-Guermantel, baronne de Hautebrie-sur-Vauclandre "
        "et dame de Courmisol-lès-Chantegrive",
    ),
)
"""Names that have broken software before: quotes, a backslash, a percent sign, none, a very long one."""

JOBS = (
    "directrice des achats", "directeur technique", "responsable informatique", "architecte logiciel", "comptable",
    "assistante de direction", "chef de projet", "ingénieure d’études", "gérant", "responsable qualité",
)  # fmt: skip

_COMPANY_KINDS = ("Ateliers", "Maison", "Groupe", "Transports", "Laboratoires", "Coopérative", "Éditions", "Forges",
                  "Pépinières", "Verreries", "Imprimerie", "Brasserie", "Chantiers", "Filature", "Moulins")  # fmt: skip
_COMPANY_NAMES = ("des Trois-Loriots", "Brumelande", "du Val-Cendré", "Orsivaux", "de l’Aubrelle", "Miravent",
                  "du Puits-Clair", "Tessandre", "des Quatre-Rivières", "Galinvert", "de la Courbelle", "Sorvanne",
                  "du Roc-Bleu", "Fontevrin", "des Hauts-Prés", "Lusandre", "du Pont-Neuvic", "Carmelieu",
                  "de Saint-Oryx", "Vignolande", "du Grand-Tilleul", 'Weird "Table" &', "Nordaube")  # fmt: skip
_FORMS = ("SAS", "SARL", "SA", "SCOP", "et Fils")
_STREETS = ("rue des Horlogers", "quai des Loriots", "avenue du Moulin-Vert", "place de la Halle-aux-Grains",
            "chemin des Ormes", "impasse du Chat-Perché", "boulevard des Brodeuses", "allée des Tanneurs")  # fmt: skip
_TOWNS = (
    ("99100", "Saint-Aubrel", "FR"), ("99240", "Montlieu-sur-Orvanne", "FR"), ("99310", "Vaubrelle-le-Pont", "FR"),
    ("99470", "Port-Cendré", "FR"), ("99555", "Les Trois-Bornes", "FR"), ("9990", "Kortebeek", "BE"),
    ("99999", "Neuwiesenbrück", "DE"), ("L-9999", "Oberlandscheid", "LU"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody: a name, the ways of reaching them, and where they work (the number of a company)."""

    first_name: str | None
    last_name: str
    email: str | None
    phone: str | None
    company: int
    job_title: str

    @property
    def full_name(self) -> str:
        """First name and last name, as far as there are."""
        return f"{self.first_name} {self.last_name}" if self.first_name else self.last_name


@dataclass(frozen=True, slots=True)
class Company:
    """A company that buys, and the domain of its people's addresses."""

    name: str
    domain: str


MAELLE = Person(
    "Maëlle", "Trévalenne", "maelle.trevalenne@ateliers-loriots.example", "+33 1 99 00 40 11", 1, JOBS[0]
)
"""A customer's buyer: in all three databases, with invoices that must stay."""

SEVERIN = Person(
    "Séverin", "O'Brannagh", "severin.obrannagh@ateliers-loriots.example", "+33 1 99 00 40 12", 1, JOBS[2]
)
"""Her colleague at the same address: whatever is done for her, nothing of his may go."""

ILSE = Person("Ilse", "Vantrooyen", "ilse.vantrooyen@kortebeek-atelier.example", None, 0, JOBS[8])
"""A prospect whom only the support database knows."""

ANSELME = Person(
    "Anselme",
    "Quessandre",
    "anselme.quessandre@vaubrelle.example",
    "+33 1 99 00 10 07",
    0,
    "ingénieur d’affaires",
)
"""An employee of the group, named in the rows of customers."""

_APART = str.maketrans({"ł": "l", "ø": "o", "þ": "th", "đ": "d", "œ": "oe", "æ": "ae", "ß": "ss"})


def plain(text: str) -> str:
    """Write a name as e-mail addresses do.

    >>> plain("O'Brannagh"), plain("Łucja"), plain("Ελένη")
    ('obrannagh', 'lucja', '')
    """
    folded = unicodedata.normalize("NFKD", text.lower().translate(_APART))
    return re.sub(r"[^a-z0-9-]", "", folded.encode("ascii", "ignore").decode())[:40].strip("-")


class Population:
    """Makes people and companies; no two people have the same e-mail address."""

    def __init__(self, seed: str) -> None:
        self.chance = Chance(seed)
        self.taken = {each.email for each in (MAELLE, SEVERIN, ILSE, ANSELME)}
        self.companies = self._companies(320)
        self.odd_names = list(ODD_NAMES)

    def person(self, company: int, domain: str) -> Person:
        """Make one more person who works there; odd names go to customers first, then to few."""
        chance = self.chance
        usual = chance.pick(FIRST_NAMES), chance.pick(LAST_NAMES)
        odd = chance.often(0.01)
        if company and self.odd_names:
            first, last = self.odd_names.pop()
        else:
            first, last = chance.pick(ODD_NAMES) if odd else usual
        email = None if chance.often(0.04) else self._email(first or "contact", last, domain)
        phone = f"+33 1 99 00 {chance.below(90) + 10} {chance.below(90) + 10}"  # a range kept for fiction
        return Person(first, last, email, None if chance.often(0.2) else phone, company, chance.pick(JOBS))

    def address(self) -> tuple[str, str, str, str]:
        """Make a line, a postcode, a town and a country."""
        chance = self.chance
        postcode, town, country = chance.pick(_TOWNS)
        return f"{chance.below(180) + 1} {chance.pick(_STREETS)}", postcode, town, country

    def _email(self, first: str, last: str, domain: str) -> str:
        local = ".".join(part for part in (plain(first), plain(last)) if part) or "contact"
        email, number = f"{local}@{domain}", 1
        while email in self.taken:
            number += 1
            email = f"{local}{number}@{domain}"
        self.taken.add(email)
        return email

    def _companies(self, many: int) -> list[Company]:
        vaubrelle = Company("Vaubrelle Logiciels SAS", "vaubrelle.example")
        found = [vaubrelle, Company("Ateliers des Trois-Loriots SAS", "ateliers-loriots.example")]
        names = {each.name for each in found}
        while len(found) < many:
            kind, name = self.chance.pick(_COMPANY_KINDS), self.chance.pick(_COMPANY_NAMES)
            whole = f"{kind} {name} {self.chance.pick(_FORMS)}"
            if whole not in names:
                names.add(whole)
                found.append(Company(whole, f"{plain(kind)}-{len(found)}.example"))
        return found
