#include "adapter/kube/token_hash.h"

#include <array>
#include <cassert>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace leadline {
namespace {

constexpr std::size_t kBytes = 32;

void must(int result) {
  assert(result == 1);  // it has no input that could be refused
  static_cast<void>(result);
}

}  // namespace

void TokenHash::Free::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

TokenHash::TokenHash() {
  EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  context_.reset(EVP_MAC_CTX_new(hmac));
  EVP_MAC_free(hmac);  // the context has its own reference
  std::array<unsigned char, kBytes> key{};
  must(RAND_bytes(key.data(), static_cast<int>(key.size())));
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  must(EVP_MAC_init(context_.get(), key.data(), key.size(), parameters.data()));
}

std::string TokenHash::of(std::string_view token) {
  must(EVP_MAC_init(context_.get(), nullptr, 0, nullptr));  // anew, under the same key
  must(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(token.data()),
                      token.size()));
  std::string hash(kBytes, '\0');
  std::size_t size = 0;
  must(EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(hash.data()), &size,
                     hash.size()));
  return hash;
}

}  // namespace leadline
