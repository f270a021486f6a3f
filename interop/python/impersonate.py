"""MIT's GSS-API acts for a user with the login in KRB5CCNAME, a service's: argv is the user, and the file of a cache for the
credential in the user's name (S4U2self)."""
import sys

import gssapi

user, cache = sys.argv[1:]
service = gssapi.Credentials(usage="initiate")
acting = service.impersonate(gssapi.Name(user, gssapi.NameType.user), usage="initiate")
acting.store(store={"ccache": "FILE:" + cache}, overwrite=True, usage="initiate")
print("stored for", acting.name)
