"""MIT's acceptor, and what it says of a client's PAC: the attributes `urn:mspac:` of its name (RFC 6680).

Standard input is the client's first token in hex; the keytab is that of KRB5_KTNAME. An attribute is printed as
authenticated only after MIT's krb5_pac_verify has held: what did not verify has no value there.
"""

import sys

import gssapi
import gssapi.raw

context = gssapi.SecurityContext(usage="accept")
context.step(bytes.fromhex(sys.stdin.read().strip()))
name = context.initiator_name
print("client", name)
for attribute in sorted(gssapi.raw.inquire_name(name).attrs):
    if attribute.startswith(b"urn:mspac:"):
        found = gssapi.raw.get_name_attribute(name, attribute)
        print(attribute.decode(), "authenticated" if found.authenticated else "unproven", found.values[0].hex())
