#!/usr/bin/env python3
"""Makes ducet.ts of the Default Unicode Collation Element Table, version 9.0.0.

    pip download --no-deps --no-binary :all: pyuca==1.2 && tar xf pyuca-1.2.tar.gz
    python3 generate-ducet.py pyuca-1.2/pyuca/allkeys-9.0.0.txt > ducet.ts

Source: allkeys-9.0.0.txt, Copyright 2016 Unicode, Inc., under the Unicode licence
(https://www.unicode.org/license.txt); the PyPI package pyuca 1.2 ships it unchanged.

Contractions are left out: MySQL's root collations weigh every code point by itself.

Format, all numbers as LEB128: for each code point the distance from the one before, less one; twice the number of
collation elements, plus 1 unless all of them have secondary 0x20 and tertiary 0x02; for each element its primary as
zigzag distance from the primary before, then in the second case its secondary and tertiary.
"""
import base64
import re
import sys

out = bytearray()


def number(n):
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)


entries = {}
for line in open(sys.argv[1], encoding='utf-8'):
    match = re.match(r'([0-9A-F]+) *; *((?:\[[^]]*\])+)', line)
    if match:
        elements = re.findall(r'\[[.*]([0-9A-F]{4})\.([0-9A-F]{4})\.([0-9A-F]{4})', match[2])
        entries[int(match[1], 16)] = [tuple(int(w, 16) for w in e) for e in elements]

last_point, last_primary = -1, 0
for point, elements in sorted(entries.items()):
    elements = [e for e in elements if e != (0, 0, 0)]
    plain = all(e[1:] == (0x20, 0x02) for e in elements)
    number(point - last_point - 1)
    last_point = point
    number(len(elements) * 2 + (not plain))
    for primary, secondary, tertiary in elements:
        delta = primary - last_primary
        number(delta * 2 if delta >= 0 else -delta * 2 - 1)
        last_primary = primary
        if not plain:
            number(secondary)
            number(tertiary)

text = base64.b64encode(bytes(out)).decode()
print('// Made by generate-ducet.py of allkeys-9.0.0.txt, Copyright 2016 Unicode, Inc. (https://www.unicode.org/license.txt).')
print('/** The weights of every code point that has some of its own, in the format that the script tells. */')
print(f"export const DUCET =\n  '{text}';")
