// TokenHash turns a bearer token into what it is remembered by: HMAC-SHA256 under a key that is
// made at start and never leaves the process, so that memory holds no token and nobody can choose
// two that collide. Not thread-safe.

#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_mac_ctx_st;

namespace leadline {

class TokenHash {
 public:
  TokenHash();

  // 32 bytes. Looking HMAC up in OpenSSL costs more than a token's hash, so it is kept.
  [[nodiscard]] std::string of(std::string_view token);

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

}  // namespace leadline
