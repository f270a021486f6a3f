"""Samba's RPC client (python3-samba) calls rpcecho: rpc_client.py BINDING REALM CALL...

Its tickets are those in KRB5CCNAME. A CALL is add=NUMBER, echo=LENGTH, sink=LENGTH or source=LENGTH. Each answer is printed, and
whether it is the right one. What fails ends the program, with Samba's own words for it.
"""

import os
import sys

import samba
from samba.credentials import MUST_USE_KERBEROS, SPECIFIED, Credentials
from samba.dcerpc import echo
from samba.param import LoadParm

binding, realm = sys.argv[1:3]
parameters = LoadParm()
for parameter, value in (("realm", realm), ("workgroup", realm.split(".")[0]), ("netbios name", "CLIENT")):
    parameters.set(parameter, value)
credentials = Credentials()
credentials.set_kerberos_state(MUST_USE_KERBEROS)
credentials.set_named_ccache(os.environ["KRB5CCNAME"], SPECIFIED, parameters)

octets = lambda length: [index % 256 for index in range(length)]
try:
    connection = echo.rpcecho(binding, parameters, credentials)
    print("bound", connection.abstract_syntax)
    for call in sys.argv[3:]:
        operation, number = call.split("=")
        number = int(number)
        if operation == "add":
            print("AddOne", connection.AddOne(number))
        elif operation == "echo":
            print("EchoData", number, connection.EchoData(octets(number)) == octets(number))
        elif operation == "sink":
            print("SinkData", number, connection.SinkData(octets(number)))
        elif operation == "source":
            print("SourceData", number, connection.SourceData(number) == octets(number))
except samba.NTSTATUSError as error:
    print("failed:", hex(error.args[0]), error.args[1])
    sys.exit(1)
