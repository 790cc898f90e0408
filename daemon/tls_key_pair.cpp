#include "daemon/tls_key_pair.h"

#include <array>
#include <cassert>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

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

constexpr std::chrono::hours kHour{1};
constexpr std::chrono::hours kYear{365 * 24};

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

bool add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// From an hour ago: clocks of a cluster's nodes differ.
bool set_validity(X509* certificate, WallTime now, std::chrono::hours valid) {
  const std::time_t from = std::chrono::system_clock::to_time_t(now - kHour);
  const std::time_t until = std::chrono::system_clock::to_time_t(now - kHour + valid);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr;
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
         X509_set_pubkey(certificate, key) == 1;
}

// What a certificate is for.
using Extensions = std::vector<std::pair<int, std::string>>;

// CA:TRUE, since clients are told to trust it as an authority.
Extensions self_signed_extensions(const std::vector<std::string>& names) {
  return {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
          {NID_key_usage, "critical,digitalSignature,keyCertSign"},
          {NID_ext_key_usage, "serverAuth"},
          {NID_subject_key_identifier, "hash"},
          {NID_subject_alt_name, alternative_names(names)}};
}

Extensions authority_extensions() {
  return {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
          {NID_key_usage, "critical,keyCertSign"},
          {NID_subject_key_identifier, "hash"}};
}

Extensions server_extensions(const std::vector<std::string>& names) {
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature"},
          {NID_ext_key_usage, "serverAuth"},
          {NID_subject_key_identifier, "hash"},
          {NID_authority_key_identifier, "keyid"},
          {NID_subject_alt_name, alternative_names(names)}};
}

std::string text_of(BIO* bytes) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bytes, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

namespace {

Result<void> check_names(const std::vector<std::string>& names) {
  assert(!names.empty());
  for (const std::string& name : names) {
    if (!is_name(name)) return fail(Errc::kBadInput, "'{}' cannot stand in a certificate", name);
  }
  return {};
}

struct Authority {
  Certificate certificate;
  Key key;
};

Certificate certificate_in(const std::string& pem) {
  const Bytes bytes(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate certificate(PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

Key key_in(const std::string& pem) {
  const Bytes bytes(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(bytes.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return key;
}

struct Wanted {
  std::string common_name;
  Extensions extensions;
  WallTime now;
  std::chrono::hours valid;
};

// Signed by `authority`, or by itself where there is none.
Result<KeyPair> made(const Wanted& wanted, const Authority* authority) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate) return fail(Errc::kBadInput, "certificate: {}", openssl_error());
  X509* issuer = authority == nullptr ? certificate.get() : authority->certificate.get();
  EVP_PKEY* signer = authority == nullptr ? key.get() : authority->key.get();
  bool good = set_identity(certificate.get(), key.get(), wanted.common_name) &&
              X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) == 1 &&
              set_validity(certificate.get(), wanted.now, wanted.valid);
  for (const auto& [which, value] : wanted.extensions) {
    good = good && add_extension(certificate.get(), issuer, which, value);
  }
  good = good && X509_sign(certificate.get(), signer, EVP_sha256()) > 0;
  const Bytes certificate_text(BIO_new(BIO_s_mem()));
  const Bytes key_text(BIO_new(BIO_s_mem()));
  good = good && PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1 &&
         PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                  nullptr) == 1;
  if (!good) return fail(Errc::kBadInput, "certificate: {}", openssl_error());
  return KeyPair{text_of(certificate_text.get()), text_of(key_text.get())};
}

}  // namespace

Result<KeyPair> self_signed(const std::vector<std::string>& names, WallTime now) {
  if (const auto good = check_names(names); !good) return fail(good.error());
  return made({names.front(), self_signed_extensions(names), now, kYear}, nullptr);
}

Result<KeyPair> make_authority(const std::string& name, WallTime now, std::chrono::hours valid) {
  return made({name, authority_extensions(), now, valid}, nullptr);
}

Result<KeyPair> issue_certificate(const KeyPair& authority, const std::vector<std::string>& names,
                                  WallTime now, std::chrono::hours valid) {
  if (const auto good = check_names(names); !good) return fail(good.error());
  const Authority signer{certificate_in(authority.certificate_pem), key_in(authority.key_pem)};
  const bool pair = signer.certificate && signer.key &&
                    X509_check_private_key(signer.certificate.get(), signer.key.get()) == 1;
  ERR_clear_error();
  if (!pair) return fail(Errc::kBadInput, "the authority's key does not belong to its certificate");
  return made({names.front(), server_extensions(names), now, valid}, &signer);
}

std::optional<WallTime> expiry_of(const std::string& certificate_pem) {
  const Certificate certificate = certificate_in(certificate_pem);
  std::tm utc{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &utc) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

bool belong_together(const KeyPair& pair) {
  const Certificate certificate = certificate_in(pair.certificate_pem);
  const Key key = key_in(pair.key_pem);
  const bool good = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return good;
}

bool serves(const KeyPair& pair, const std::string& name) {
  const Certificate certificate = certificate_in(pair.certificate_pem);
  return belong_together(pair) &&
         X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1;
}

bool is_issued_by(const std::string& certificate_pem, const std::string& authority_pem) {
  const Certificate certificate = certificate_in(certificate_pem);
  const Certificate authority = certificate_in(authority_pem);
  const bool good = certificate && authority &&
                    X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  ERR_clear_error();
  return good;
}

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {:x}", code) : reason;
}

}  // namespace leadline
