#include "daemon/self_signed.h"

#include <array>
#include <cassert>
#include <memory>

#include <arpa/inet.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace leadline {

namespace {

template <typename T, void (*kFree)(T*)>
struct Deleter {
  void operator()(T* object) const { kFree(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;
using Bytes = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

constexpr long kHour = 3600;
constexpr long kYear = 365 * 24 * kHour;

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

// OpenSSL's own mini language, so a comma in a name would start another entry.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-._:*") == std::string::npos;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", is_address(name) ? "IP" : "DNS", name);
  }
  return list;
}

bool add_extension(X509* certificate, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A year from an hour ago: clocks of a cluster's nodes differ.
bool set_validity(X509* certificate, WallTime now) {
  const std::time_t from = std::chrono::system_clock::to_time_t(now) - kHour;
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), from + kYear) != nullptr;
}

bool set_identity(X509* certificate, EVP_PKEY* key, std::string common_name) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  common_name.resize(std::min<std::size_t>(common_name.size(), 64));  // X.520's upper bound
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1;
}

// CA:TRUE, since clients are told to trust it as an authority.
bool add_extensions(X509* certificate, const std::vector<std::string>& names) {
  return add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, NID_subject_alt_name, alternative_names(names));
}

std::string text_of(BIO* bytes) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bytes, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Result<KeyPair> self_signed(const std::vector<std::string>& names, WallTime now) {
  assert(!names.empty());
  for (const std::string& name : names) {
    if (!is_name(name)) return fail(Errc::kBadInput, "'{}' cannot stand in a certificate", name);
  }
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  const bool made = key && certificate && set_identity(certificate.get(), key.get(), names[0]) &&
                    set_validity(certificate.get(), now) &&
                    add_extensions(certificate.get(), names) &&
                    X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0;
  const Bytes certificate_text(BIO_new(BIO_s_mem()));
  const Bytes key_text(BIO_new(BIO_s_mem()));
  if (!made || PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return fail(Errc::kBadInput, "self-signed certificate: {}", openssl_error());
  }
  return KeyPair{text_of(certificate_text.get()), text_of(key_text.get())};
}

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {:x}", code) : reason;
}

}  // namespace leadline
