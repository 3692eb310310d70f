#!/bin/sh
# The Fengsui national-crypto service from a shell: curl for HTTP, openssl (3.0 or later, with SM2)
# for SM2 and SM3. Reads FENGSUI_URL, FENGSUI_APPLICATION, and FENGSUI_KEY_FILE (PKCS#8 in PEM: each
# request is signed) or else FENGSUI_TOKEN.
#
#   fengsui.sh post /v1/crypto/digest '{"message":"aGVsbG8="}'
#   fengsui.sh get /v1/crypto/keys/receipt
#   fengsui.sh sign receipt message.txt > message.sig             DER
#   fengsui.sh verify receipt message.txt message.sig
#   fengsui.sh public receipt > public.pem
#   fengsui.sh verify-here public.pem message.txt message.sig     no call
#   fengsui.sh sign-here key.pem message.txt > message.sig        no call
#   fengsui.sh verify-foreign public.pem message.txt message.sig
#   fengsui.sh encrypt-here public.pem secret.txt > secret.enc    DER
#   fengsui.sh decrypt box secret.enc > secret.txt
#   fengsui.sh digest message.txt                                 hexadecimal
#   fengsui.sh check                                              the self-check
#
# Exit 0: done, and for verify: valid. 1: refused, the problem is on standard error. 2: wrong use.
set -eu

ID=1234567812345678
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

base64_of() { openssl base64 -A -in "$1"; }

# Point of a private or public key, 04‖x‖y: the last 65 bytes of PUBLIC KEY in DER.
point_of() { openssl pkey "$@" -pubout -outform DER 2>"$work/error" | tail -c 65; }

# r‖s of a DER signature: each of the two numbers is padded to 32 bytes.
raw_of() {
  for number in $(openssl asn1parse -inform DER -in "$1" | sed -n 's/.*INTEGER *:\([0-9A-F]*\)$/\1/p'); do
    printf '%64s' "$number" | tr ' ' 0
  done
}

# printf of some shells knows octal only.
bytes_of_hex() {
  for byte in $(sed 's/../ &/g'); do printf "\\$(printf %03o "0x$byte")"; done
}

signed() { # method target body-file
  id=$(point_of -in "$FENGSUI_KEY_FILE" | openssl dgst -sm3 -r | cut -c 1-16)
  credential=$FENGSUI_APPLICATION.$id
  timestamp=$(date +%s)
  nonce=$(openssl rand -hex 16)
  digest=$(openssl dgst -sm3 -r "$3" | cut -c 1-64)
  printf 'FENGSUI-SM2/1\n%s\n%s\n%s\n%s\n%s\n%s' \
    "$1" "$2" "$timestamp" "$nonce" "$credential" "$digest" >"$work/text"
  openssl dgst -sm3 -sign "$FENGSUI_KEY_FILE" -sigopt distid:fengsui/request/1 \
    -out "$work/text.sig" "$work/text"
  signature=$(raw_of "$work/text.sig" | bytes_of_hex | openssl base64 -A)
  printf 'Fengsui-SM2 credential=%s,timestamp=%s,nonce=%s,signature=%s' \
    "$credential" "$timestamp" "$nonce" "$signature"
}

call() { # method path body-file
  base=${FENGSUI_URL%/}
  # The target is what stands in the request line: a path in the base URL belongs to it.
  root=$(printf %s "$base" | sed 's|^[a-z]*://[^/]*||')
  if [ -n "${FENGSUI_KEY_FILE:-}" ]; then
    authorization=$(signed "$1" "$root$2" "$3")
  else
    authorization="Bearer $FENGSUI_TOKEN"
  fi
  # The credential goes in by a file: other users of the machine read command lines.
  printf 'Authorization: %s\n' "$authorization" >"$work/headers"
  set -- "$1" "$base$2" "$3"
  if [ "$1" = POST ]; then
    set -- "$1" "$2" --data-binary "@$3" -H 'Content-Type: application/json'
  else
    set -- "$1" "$2"
  fi
  method=$1 url=$2
  shift 2
  status=$(curl -sS --max-time 30 -X "$method" -H "@$work/headers" -H 'Accept-Language: en' "$@" \
    -o "$work/answer" -w '%{http_code}' "$url") || exit 1
  if [ "$status" -ge 300 ]; then
    cat "$work/answer" >&2
    echo >&2
    return 1
  fi
}

post() { # path; the body on standard input
  cat >"$work/body"
  call POST "$1" "$work/body"
}

# A text field of the answer: the service writes compact JSON, and these fields need no escapes.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "${2:-$work/answer}"; }

sign() {
  printf '{"key":"%s","message":"%s"}' "$1" "$(base64_of "$2")" | post /v1/crypto/sign
  field signature | openssl base64 -d -A
}

verify() { # {"key":…} or {"public_key":…} without the brace, message, signature
  printf '{%s,"message":"%s","signature":"%s"}' "$1" "$(base64_of "$2")" "$(base64_of "$3")" |
    post /v1/crypto/verify
}

public() { # the newest version's, as PEM: the head of an SM2 PUBLIC KEY, then the point
  : >"$work/body"
  call GET "/v1/crypto/keys/$1" "$work/body"
  {
    echo 3059301306072a8648ce3d020106082a811ccf5501822d034200 | bytes_of_hex
    field public_key | bytes_of_hex
  } >"$work/public.der"
  openssl pkey -pubin -inform DER -in "$work/public.der"
}

verify_here() {
  openssl dgst -sm3 -verify "$1" -sigopt distid:$ID -signature "$3" "$2"
}

sign_here() { openssl dgst -sm3 -sign "$1" -sigopt distid:$ID "$2"; }

decrypt() {
  printf '{"key":"%s","ciphertext":"%s"}' "$1" "$(base64_of "$2")" | post /v1/crypto/decrypt
  field plaintext | openssl base64 -d -A
}

digest() {
  printf '{"message":"%s","output":"hex"}' "$(base64_of "$1")" | post /v1/crypto/digest
  field digest
}

check_round() {
  openssl rand -out "$work/message" 100
  sign "$FENGSUI_SIGN_KEY" "$work/message" >"$work/made"
  public "$FENGSUI_SIGN_KEY" >"$work/signer.pem"
  verify_here "$work/signer.pem" "$work/message" "$work/made" >/dev/null
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out "$work/own.pem" 2>/dev/null
  openssl pkey -in "$work/own.pem" -pubout -out "$work/own.pub" 2>/dev/null
  sign_here "$work/own.pem" "$work/message" >"$work/own.sig"
  point_of -in "$work/own.pem" >"$work/point"
  verify "\"public_key\":\"$(base64_of "$work/point")\"" "$work/message" "$work/own.sig"
  public "$FENGSUI_BOX_KEY" >"$work/box.pem"
  openssl pkeyutl -encrypt -pubin -inkey "$work/box.pem" -in "$work/message" -out "$work/sealed"
  decrypt "$FENGSUI_BOX_KEY" "$work/sealed" | cmp -s - "$work/message"
  test "$(digest "$work/message")" = "$(openssl dgst -sm3 -r "$work/message" | cut -c 1-64)"
  echo changed >>"$work/message"
  wrong=valid
  verify "\"key\":\"$FENGSUI_SIGN_KEY\"" "$work/message" "$work/made" 2>/dev/null ||
    wrong=$(field code)
  printf '{"service_signs":true,"client_signs":true,"client_encrypts":true,"digest":true,'
  printf '"wrong_signature":"%s"}' "$wrong"
}

check() {
  printf '{"client":"curl"' >"$work/line"
  if [ -n "${FENGSUI_KEY_FILE:-}" ]; then
    printf ',"signed":' >>"$work/line"
    check_round >>"$work/line"
  fi
  if [ -n "${FENGSUI_TOKEN:-}" ]; then
    FENGSUI_KEY_FILE=''
    printf ',"bearer":' >>"$work/line"
    check_round >>"$work/line"
  fi
  cat "$work/line"
  echo '}'
}

usage() {
  sed -n '/^#   /p' "$0" >&2
  exit 2
}

case "${1:-} $#" in
'post 3') printf %s "$3" | post "$2" && cat "$work/answer" ;;
'get 2') : >"$work/body" && call GET "$2" "$work/body" && cat "$work/answer" ;;
'sign 3') sign "$2" "$3" ;;
'verify 4') verify "\"key\":\"$2\"" "$3" "$4" && cat "$work/answer" ;;
'verify-foreign 4')
  point_of -pubin -in "$2" >"$work/point"
  verify "\"public_key\":\"$(base64_of "$work/point")\"" "$3" "$4" && cat "$work/answer"
  ;;
'public 2') public "$2" ;;
'verify-here 4') verify_here "$2" "$3" "$4" ;;
'sign-here 3') sign_here "$2" "$3" ;;
'encrypt-here 3') openssl pkeyutl -encrypt -pubin -inkey "$2" -in "$3" ;;
'decrypt 3') decrypt "$2" "$3" ;;
'digest 2') digest "$2" ;;
'check 1') check ;;
*) usage ;;
esac
