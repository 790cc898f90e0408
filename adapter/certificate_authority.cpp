#include "adapter/certificate_authority.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace leadline {
namespace {

struct FreeOpenSsl {
  void operator()(X509* one) const { X509_free(one); }
  void operator()(X509_STORE* one) const { X509_STORE_free(one); }
  void operator()(X509_STORE_CTX* one) const { X509_STORE_CTX_free(one); }
  void operator()(BIO* one) const { BIO_free_all(one); }
  void operator()(STACK_OF(X509) * one) const { sk_X509_pop_free(one, X509_free); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenSsl>;

constexpr std::size_t kMaxChain = 16;

Owned<X509> certificate_from(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return Owned<X509>(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

std::vector<std::string> entries_of(X509_NAME* name, int nid) {
  std::vector<std::string> entries;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    entries.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  return entries;
}

std::string sha256_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

bool verifies(X509_STORE* anchor, X509* own, STACK_OF(X509) * between, WallTime now) {
  const Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(check.get(), anchor, own, between) != 1) return false;
  // As Go does: any certificate of the bundle is an anchor, self-signed or not.
  X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_time(check.get(), 0, std::chrono::system_clock::to_time_t(now));
  // 80 bits: no signature over SHA-1 or MD5.
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(check.get()), 1);
  return X509_verify_cert(check.get()) == 1;
}

CertificateSubject subject_in(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto common = entries_of(name, NID_commonName);
  return {.common_name = common.empty() ? std::string() : common.back(),  // as Go
          .organizations = entries_of(name, NID_organizationName),
          .sha256 = sha256_of(certificate)};
}

}  // namespace

// A store for each: of several authorities of one name OpenSSL would try the first alone, unless
// certificates carry key identifiers. Go tries all.
struct CertificateAuthority::Store {
  std::vector<Owned<X509_STORE>> trusted;
};

Result<CertificateAuthority> CertificateAuthority::from_pem(const std::string& pem) {
  const Owned<BIO> bytes(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto store = std::make_shared<Store>();
  int certificates = 0;
  for (;; ++certificates) {
    const Owned<X509> one(PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    store->trusted.emplace_back(X509_STORE_new());
    X509_STORE_add_cert(store->trusted.back().get(), one.get());
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates == 0) return fail(Errc::kBadInput, "the CA bundle holds no certificate");
  if (!at_end)
    return fail(Errc::kBadInput, "certificate {} of the CA bundle is unreadable", certificates + 1);
  return CertificateAuthority(std::move(store));
}

std::optional<CertificateSubject> CertificateAuthority::subject_of(const ClientCertificates& shown,
                                                                   WallTime now) const {
  if (shown.der.empty() || shown.der.size() > kMaxChain) return std::nullopt;
  const Owned<X509> own = certificate_from(shown.der.front());
  if (!own) return std::nullopt;
  const Owned<STACK_OF(X509)> between(sk_X509_new_null());
  for (std::size_t i = 1; i < shown.der.size(); ++i) {
    Owned<X509> one = certificate_from(shown.der[i]);
    if (one && sk_X509_push(between.get(), one.get()) > 0) static_cast<void>(one.release());
  }
  const bool good = std::any_of(
      store_->trusted.begin(), store_->trusted.end(),
      [&](const auto& anchor) { return verifies(anchor.get(), own.get(), between.get(), now); });
  ERR_clear_error();
  if (!good) return std::nullopt;
  return subject_in(own.get());
}

}  // namespace leadline
