#include "adapter/kube/front_proxy.h"

#include <algorithm>
#include <utility>

#include "adapter/kube/objects.h"
#include "adapter/percent.h"
#include "base/ascii_case.h"
#include "engine/utf8.h"

namespace leadline {
namespace {

using nlohmann::json;

// A JSON array of texts inside a text, as kube-apiserver writes it; absent is empty.
Result<std::vector<std::string>> list_in(const json& data, const char* key) {
  const std::string text = text_at(data, {key});
  if (text.empty()) return std::vector<std::string>{};
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool texts = list.is_array() && std::all_of(list.begin(), list.end(), [](const json& one) {
                       return one.is_string();
                     });
  if (!texts) return fail(Errc::kBadInput, "{} is no JSON array of texts", key);
  return list.get<std::vector<std::string>>();
}

// Header values are text: UTF-8 without control characters. What is none could not be told to the
// authoriser as it is.
bool is_text(std::string_view value) {
  return is_utf8(value) && std::none_of(value.begin(), value.end(),
                                        [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

// The one value of the first of these headers that has one.
Result<std::string> single_value(const std::vector<std::string>& names,
                                 const HttpRequest& request) {
  for (const std::string& name : names) {
    const auto values = request.values_of(name);
    if (values.size() > 1) return fail(Errc::kBadInput, "{} is said {} times", name, values.size());
    if (values.empty() || values.front().empty()) continue;
    if (!is_text(values.front())) return fail(Errc::kBadInput, "{} is no text", name);
    return values.front();
  }
  return std::string();
}

// `X-Remote-Extra-Example.org%2fScopes` under the prefix `X-Remote-Extra-`: `example.org/scopes`.
Result<void> take_extra(const std::string& prefix, const HttpHeader& header, Caller& caller) {
  const std::string name = ascii_lower(header.name);
  if (!name.starts_with(ascii_lower(prefix)) || name.size() == prefix.size()) return {};
  const auto key = percent_decoded(name.substr(prefix.size()));
  if (!key || !is_text(*key)) return fail(Errc::kBadInput, "{} is badly escaped", header.name);
  if (!is_text(header.value)) return fail(Errc::kBadInput, "{} is no text", header.name);
  caller.extra[*key].push_back(header.value);
  return {};
}

}  // namespace

Result<FrontProxyTrust> front_proxy_trust_from(const json& config_map) {
  const json& data = value_at(config_map, {"data"});
  FrontProxyTrust trust;
  trust.client_ca_pem = text_at(data, {"client-ca-file"});
  trust.front_proxy_ca_pem = text_at(data, {"requestheader-client-ca-file"});
  if (trust.front_proxy_ca_pem.empty()) {
    return fail(Errc::kBadInput,
                "extension-apiserver-authentication has no requestheader-client-ca-file: is the "
                "aggregation layer of kube-apiserver configured?");
  }
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"requestheader-allowed-names", &trust.allowed_names},
      {"requestheader-username-headers", &trust.user_headers},
      {"requestheader-uid-headers", &trust.uid_headers},
      {"requestheader-group-headers", &trust.group_headers},
      {"requestheader-extra-headers-prefix", &trust.extra_prefixes}};
  for (const auto& [key, into] : lists) {
    auto list = list_in(data, key);
    if (!list) return fail(list.error());
    *into = std::move(*list);
  }
  return trust;
}

Result<std::optional<Caller>> caller_from_headers(const FrontProxyTrust& trust,
                                                  const HttpRequest& request) {
  auto user = single_value(trust.user_headers, request);
  if (!user) return fail(user.error());
  auto uid = single_value(trust.uid_headers, request);
  if (!uid) return fail(uid.error());
  if (user->empty()) return std::nullopt;
  Caller caller{.user = std::move(*user), .uid = std::move(*uid), .groups = {}, .extra = {}};
  for (const std::string& name : trust.group_headers) {
    for (std::string& group : request.values_of(name)) {
      if (!is_text(group)) return fail(Errc::kBadInput, "{} is no text", name);
      caller.groups.push_back(std::move(group));
    }
  }
  for (const std::string& prefix : trust.extra_prefixes) {
    for (const HttpHeader& header : request.headers) {
      if (const auto taken = take_extra(prefix, header, caller); !taken) return fail(taken.error());
    }
  }
  return caller;
}

}  // namespace leadline
