#include "tests/unit/adapter/kube/certificates.h"

#include <memory>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace leadline::test {
namespace {

struct Free {
  void operator()(X509* one) const { X509_free(one); }
  void operator()(EVP_PKEY* one) const { EVP_PKEY_free(one); }
  void operator()(BIO* one) const { BIO_free_all(one); }
  void operator()(X509_EXTENSION* one) const { X509_EXTENSION_free(one); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

Owned<BIO> bytes_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<X509> certificate_in(const std::string& pem) {
  Owned<X509> one(PEM_read_bio_X509(bytes_of(pem).get(), nullptr, nullptr, nullptr));
  require(one != nullptr, "no certificate");
  return one;
}

std::string text_of(BIO* bytes) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bytes, &data);
  return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

void add_name(X509* certificate, const char* kind, const std::string& text) {
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), kind, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()), -1, 0) == 1,
          "name");
}

void describe(X509* certificate, const CertificateWish& wish) {
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate),
                std::chrono::system_clock::to_time_t(wish.now + wish.from));
  ASN1_TIME_set(X509_getm_notAfter(certificate),
                std::chrono::system_clock::to_time_t(wish.now + wish.until));
  for (const std::string& organization : wish.organizations)
    add_name(certificate, "O", organization);
  for (const std::string& name : wish.common_names) add_name(certificate, "CN", name);
  add_extension(certificate, NID_basic_constraints,
                wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish.usage.empty()) add_extension(certificate, NID_ext_key_usage, wish.usage);
}

}  // namespace

KeyPair make_certificate(const KeyPair* issuer, const CertificateWish& wish) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> certificate(X509_new());
  describe(certificate.get(), wish);
  X509_set_pubkey(certificate.get(), key.get());
  const Owned<X509> signer = issuer == nullptr ? nullptr : certificate_in(issuer->certificate_pem);
  const Owned<EVP_PKEY> signer_key(
      issuer == nullptr
          ? nullptr
          : PEM_read_bio_PrivateKey(bytes_of(issuer->key_pem).get(), nullptr, nullptr, nullptr));
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(signer ? signer.get() : certificate.get()));
  require(X509_sign(certificate.get(), signer_key ? signer_key.get() : key.get(),
                    wish.weak ? EVP_sha1() : EVP_sha256()) > 0,
          "signature");
  const Owned<BIO> certificate_text(BIO_new(BIO_s_mem()));
  const Owned<BIO> key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate_text.get()), text_of(key_text.get())};
}

KeyPair root_authority(const std::string& name) {
  return make_certificate(
      nullptr, {.common_names = {name}, .organizations = {}, .usage = "", .authority = true});
}

ClientCertificates shown(const std::vector<std::string>& pems) {
  ClientCertificates certificates;
  for (const std::string& pem : pems) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate_in(pem).get(), &bytes);
    require(size > 0, "DER");
    certificates.der.emplace_back(reinterpret_cast<const char*>(bytes),
                                  static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
  }
  return certificates;
}

}  // namespace leadline::test
