#include "adapter/bearer_token.h"

#include "base/ascii_case.h"

namespace leadline {
namespace {

constexpr std::string_view kScheme = "bearer ";

// Compared without regard to case (RFC 9110 §11.1).
bool is_bearer(std::string_view header) {
  return header.size() > kScheme.size() && starts_with_ignoring_case(header, kScheme);
}

}  // namespace

ShownToken shown_token(const HttpRequest& request) {
  const auto headers = request.values_of("Authorization");
  if (headers.empty()) return {};
  if (headers.size() > 1 || !is_bearer(headers.front())) return {ShownToken::kUnreadable, {}};
  const auto begin = headers.front().find_first_not_of(' ', kScheme.size());
  if (begin == std::string::npos) return {ShownToken::kUnreadable, {}};
  return {ShownToken::kOne, headers.front().substr(begin)};
}

}  // namespace leadline
