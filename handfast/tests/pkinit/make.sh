#!/bin/sh
# Makes the certificates, keys and messages of this folder anew. Needs openssl.
set -e
cat > ext.cnf <<'X'
[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[kdc]
basicConstraints=CA:FALSE
keyUsage=digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage=1.3.6.1.5.2.3.5
subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:kdcname,DNS:kdc.test.realm
subjectKeyIdentifier=hash
[kdcname]
realm=EXP:0,GeneralString:TEST.REALM
name=EXP:1,SEQUENCE:kdcprinc
[kdcprinc]
type=EXP:0,INTEGER:2
comps=EXP:1,SEQUENCE:kdccomps
[kdccomps]
a=GeneralString:krbtgt
b=GeneralString:TEST.REALM
[user]
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=1.3.6.1.5.2.3.4
subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:username,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@test.realm
[username]
realm=EXP:0,GeneralString:TEST.REALM
name=EXP:1,SEQUENCE:userprinc
[userprinc]
type=EXP:0,INTEGER:1
comps=EXP:1,SEQUENCE:usercomps
[usercomps]
a=GeneralString:alice
X
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/O=Test/CN=CA" -days 36500 -config ext.cnf -extensions ca
for kind in rsa ec; do
 for who in kdc user; do
  if [ $kind = rsa ]; then openssl genrsa -out $who-$kind.key 2048; else openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out $who-$kind.key; fi
  openssl req -new -key $who-$kind.key -subj "/O=Test/CN=$who $kind" -config ext.cnf -out r.csr
  openssl x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 36500 -extfile ext.cnf -extensions $who -out $who-$kind.pem -set_serial 0x$RANDOM
  openssl pkcs12 -export -inkey $who-$kind.key -in $who-$kind.pem -certfile ca.pem -passout pass:geheim -out $who-$kind.p12
 done
done
printf content > content
for kind in rsa ec; do openssl cms -sign -binary -nodetach -in content -signer kdc-$kind.pem -inkey kdc-$kind.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out kdc-$kind.cms -md sha256; done
for curve in secp384r1 secp521r1; do
 openssl ecparam -name $curve -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out kdc-$curve.key
 openssl req -new -key kdc-$curve.key -subj "/O=Test/CN=kdc $curve" -config ext.cnf -out r.csr
 openssl x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 36500 -extfile ext.cnf -extensions kdc -out kdc-$curve.pem -set_serial 0x$RANDOM
 openssl cms -sign -binary -nodetach -in content -signer kdc-$curve.pem -inkey kdc-$curve.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out kdc-$curve.cms -md sha256
done
openssl cms -sign -binary -nodetach -keyid -in content -signer kdc-rsa.pem -inkey kdc-rsa.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out by-key-identifier.cms -md sha512
openssl cms -sign -binary -nodetach -noattr -in content -signer kdc-rsa.pem -inkey kdc-rsa.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out without-attributes.cms -md sha256
openssl cms -sign -binary -nodetach -in content -signer kdc-rsa.pem -inkey kdc-rsa.key -signer kdc-ec.pem -inkey kdc-ec.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out two-signers.cms -md sha256
openssl cms -sign -binary -nodetach -in content -signer kdc-rsa.pem -inkey kdc-rsa.key -econtent_type 1.3.6.1.5.2.3.2 -outform DER -out sha1.cms -md sha1
openssl pkcs8 -topk8 -in user-rsa.key -passout pass:geheim -out user-rsa-encrypted.key
openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in user-ec.key -passout pass:geheim -out user-ec-encrypted.key
openssl rsa -traditional -in user-rsa.key -out user-rsa-pkcs1.key
openssl ec -in user-ec.key -out user-ec-sec1.key
openssl pkcs12 -export -legacy -inkey user-rsa.key -in user-rsa.pem -passout pass:geheim -out legacy.p12 || true
openssl pkcs12 -export -macalg sha1 -keypbe AES-128-CBC -certpbe AES-128-CBC -inkey user-rsa.key -in user-rsa.pem -passout pass:geheim -out sha1-mac.p12
