#!/usr/bin/env bash
# Makes the certificates with which KEDA and the adapter know each other, and puts them where each looks:
# Secret leadline/leadline-keda for the adapter (components/keda mounts it) and Secret keda/leadline for KEDA
# (authentication.yaml names it). Needs openssl and kubectl. Both ends read a replaced Secret again, so that
# running it once more renews all: KEDA and the adapter disagree for the minute until both have. Afterwards restart
# KEDA (`kubectl rollout restart -n keda deployment/keda-operator`): up to 2.21 it polls with the new pair by itself,
# but opens no stream again that had the old one, so that workloads at zero wait for its pollingInterval.
#
#   ./certificates.sh                    # the current context
#   KUBECTL="kubectl --context=test" DAYS=90 ./certificates.sh
#
# The authority's key is thrown away: who needs another client beside KEDA runs cert-manager.
set -euo pipefail
readonly KUBECTL=${KUBECTL:-kubectl} DAYS=${DAYS:-365}
readonly ADAPTER=${ADAPTER:-DNS:leadline-adapter.leadline.svc,DNS:leadline-adapter.leadline.svc.cluster.local}
readonly KEDA=DNS:keda-operator.keda.svc  # as LEADLINE_KEDA_CLIENTS has it
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$DAYS" -subj /CN=leadline-keda \
  -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.crt 2>openssl.log || { cat openssl.log; exit 1; }

issue() {  # NAME ALTERNATIVE-NAMES PURPOSE
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>openssl.log
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -days "$DAYS" -out "$1.crt" 2>openssl.log -extfile \
    <(printf 'subjectAltName=%s\nextendedKeyUsage=%s\nkeyUsage=critical,digitalSignature\n' "$2" "$3")
}
issue adapter "$ADAPTER" serverAuth
issue keda "$KEDA" clientAuth

secret() {  # NAMESPACE NAME FILES…
  $KUBECTL create secret generic "$2" --namespace "$1" "${@:3}" --dry-run=client -o yaml | $KUBECTL apply -f -
}
secret leadline leadline-keda --from-file=tls.crt=adapter.crt --from-file=tls.key=adapter.key --from-file=ca.crt
secret keda leadline --from-file=tls.crt=keda.crt --from-file=tls.key=keda.key --from-file=ca.crt
