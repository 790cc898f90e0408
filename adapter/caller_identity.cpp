#include "adapter/caller_identity.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::string_view kMasters = "system:masters";

// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view shown, std::string_view wanted) {
  unsigned difference = shown.size() == wanted.size() ? 0U : 1U;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const char expected = wanted[i % wanted.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(shown[i] ^ expected));
  }
  return difference == 0;
}

// "Bearer" is compared without regard to case (RFC 9110 §11.1). nullopt: another scheme.
std::optional<std::string_view> bearer_token(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return std::nullopt;
  const bool bearer =
      std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
      });
  if (!bearer) return std::nullopt;
  const auto start = header.find_first_not_of(' ', kScheme.size());
  if (start == std::string_view::npos) return std::nullopt;
  return header.substr(start);
}

}  // namespace

bool Caller::is_in(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

CallerIdentity::CallerIdentity(std::string token) : token_(std::move(token)) {
  assert(!token_.empty());
}

ApiResult<Caller> CallerIdentity::identify(const HttpRequest& request) const {
  const auto shown = request.values_of("Authorization");
  if (shown.empty()) return Caller{"system:anonymous", {"system:unauthenticated"}};
  const auto token = shown.size() == 1 ? bearer_token(shown.front()) : std::nullopt;
  if (!token || !equal_in_constant_time(*token, token_)) {
    return tl::unexpected<ApiError>(unauthorized());
  }
  return Caller{"leadline:token", {std::string(kMasters), "system:authenticated"}};
}

std::optional<ApiError> refusal(const Caller& caller, const AccessRequest& access) {
  if (caller.is_in(kMasters)) return std::nullopt;
  if (access.group.empty()) {
    return forbidden(
        fmt::format("User \"{}\" cannot {} path \"{}\"", caller.user, access.verb, access.path));
  }
  std::string message = fmt::format("User \"{}\" cannot {} resource \"{}\" in API group \"{}\"",
                                    caller.user, access.verb, access.resource, access.group);
  if (access.namespace_name.empty()) {
    message += " at the cluster scope";
  } else {
    message += fmt::format(" in the namespace \"{}\"", access.namespace_name);
  }
  return forbidden(message);
}

}  // namespace leadline
