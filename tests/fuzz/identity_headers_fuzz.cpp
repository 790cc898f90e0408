// The headers in which a front proxy names its caller: whoever is read has a name, holds no control
// characters, owes nothing to other headers or to the case of names, and is what the access review
// asks for.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "adapter/kube/front_proxy.h"
#include "adapter/kube/reviews.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

const FrontProxyTrust kTrust{.client_ca_pem = {},
                             .front_proxy_ca_pem = "x",
                             .allowed_names = {},
                             .user_headers = {"X-Remote-User", "X-User"},
                             .uid_headers = {"X-Remote-Uid"},
                             .group_headers = {"X-Remote-Group"},
                             .extra_prefixes = {"X-Remote-Extra-"}};

// A line is `name: value`; `#` for `X-Remote-` saves the fuzzer some typing.
HttpRequest request_of(std::string_view input) {
  HttpRequest request;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    const auto colon = std::min(line.find(':'), line.size());
    std::string name(line.substr(0, colon));
    if (name.starts_with('#')) name = "X-Remote-" + name.substr(1);
    request.headers.push_back(
        {std::move(name), std::string(line.substr(std::min(line.size(), colon + 1)))});
  }
  return request;
}

bool is_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

void check_caller(const Caller& caller, const HttpRequest& request) {
  require(!caller.user.empty() && is_text(caller.user), "a caller has a name, which is text");
  require(is_text(caller.uid), "an uid is text");
  require(std::ranges::all_of(caller.groups, is_text), "groups are text");
  require(caller.groups == request.values_of("X-Remote-Group"), "groups keep their order");
  for (const auto& [key, values] : caller.extra) {
    require(!key.empty() && is_text(key), "a key of extra is text");
    require(!values.empty() && std::ranges::all_of(values, is_text), "its values are text");
  }
}

bool same(const Caller& a, const Caller& b) {
  return a.user == b.user && a.uid == b.uid && a.groups == b.groups && a.extra == b.extra;
}

// Other headers and the case of names change nothing.
void check_noise(const Caller& caller, HttpRequest request) {
  for (HttpHeader& header : request.headers) {
    std::ranges::transform(header.name, header.name.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
  }
  request.headers.insert(request.headers.begin(), {{"Host", "a"}, {"X-Remote-Users", "root"}});
  const auto again = caller_from_headers(kTrust, request);
  require(again && *again && same(**again, caller), "noise changes nothing");
}

void check_review(const Caller& caller) {
  AccessRequest access;
  access.verb = "get";
  access.path = "/apis";
  const auto body = nlohmann::json::parse(access_review_body(caller, access), nullptr, false);
  require(body.is_object(), "a review is JSON whatever the bytes");
  require(body["spec"]["groups"].size() == caller.groups.size(), "it holds every group");
}

}  // namespace

void check_input(std::string_view input) {
  const HttpRequest request = request_of(input);
  const auto caller = caller_from_headers(kTrust, request);
  if (!caller) {
    require(caller.error().code == Errc::kBadInput, "bad headers are bad input");
    return require(!caller.error().message.empty(), "a refusal says why");
  }
  if (!*caller) {
    const auto users = request.values_of("X-Remote-User");
    return require(users.empty() || users.front().empty(), "only without a user it is nobody");
  }
  check_caller(**caller, request);
  check_noise(**caller, request);
  check_review(**caller);
}

}  // namespace leadline::fuzz
