#include "adapter/token_gatekeeper.h"

#include <cassert>
#include <utility>

#include "adapter/bearer_token.h"

namespace leadline {
namespace {

// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view shown, std::string_view wanted) {
  unsigned difference = shown.size() == wanted.size() ? 0U : 1U;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const char expected = wanted[i % wanted.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(shown[i] ^ expected));
  }
  return difference == 0;
}

}  // namespace

TokenGatekeeper::TokenGatekeeper(std::string token) : token_(std::move(token)) {
  assert(!token_.empty());
}

void TokenGatekeeper::identify(const HttpRequest& request, Identified verdict) {
  const ShownToken shown = shown_token(request);
  if (shown.kind == ShownToken::kNone) return verdict(anonymous_caller());
  if (shown.kind != ShownToken::kOne || !equal_in_constant_time(shown.text, token_))
    return verdict(tl::unexpected(unauthorized()));
  verdict(Caller{.user = "leadline:token",
                 .uid = {},
                 .groups = {std::string(kMastersGroup), std::string(kAuthenticatedGroup)},
                 .extra = {}});
}

void TokenGatekeeper::authorise(const Caller& caller, const AccessRequest& access,
                                Authorised verdict) {
  if (caller.is_in(kMastersGroup)) return verdict(std::nullopt);
  verdict(access_denied(caller, access));
}

}  // namespace leadline
