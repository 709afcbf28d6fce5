"""The other ways a telephone number may stand in a store of one country: national and international.

A national number says whose it is only together with a country, which the store's map names
(`region`).  Nothing is guessed: without a region, or for a number that is none, there are no
other ways.
"""

from __future__ import annotations

from troth.errors import NotAllowedError


def spellings(written: str, region: str) -> tuple[str, ...]:
    """Return the digits of a number as they stand in a store of a region.

    >>> spellings("+33 1 23 45 67 89", "FR"), spellings("01.23.45.67.89", "FR")
    (('+33123456789', '33123456789', '0123456789'), ('+33123456789', '33123456789', '0123456789'))
    >>> spellings("+44 20 7946 0018", "FR"), spellings("+33 1 23 45 67 89", "")
    (('+442079460018', '442079460018'), ())
    """
    if not region:
        return ()
    try:
        import phonenumbers
    except ImportError:
        raise NotAllowedError(
            "The map names a `region` for telephone numbers, and the library that knows their plans is not "
            "installed: pip install 'troth[detect]'."
        ) from None
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return ()
    if not phonenumbers.is_possible_number(number):
        return ()
    whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    found = [whole, whole.removeprefix("+")]
    if region in phonenumbers.region_codes_for_country_code(number.country_code or 0):
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        found.append("".join(letter for letter in national if letter.isdecimal()))
    return tuple(dict.fromkeys(found))


def is_region(written: str) -> bool:
    """Tell whether this is the code of a country, in capital letters.

    >>> is_region("FR"), is_region("fr"), is_region("France")
    (True, False, False)
    """
    return len(written) == 2 and written.isascii() and written.isalpha() and written.isupper()
