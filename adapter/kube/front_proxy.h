// What kube-apiserver's aggregator tells of the caller in headers, and whom to believe: the
// ConfigMap kube-system/extension-apiserver-authentication. Pure.
//
// The headers count only on a connection whose client certificate the front proxy's CA has signed
// (adapter/kube/gatekeeper.h checks that first); on any other they are ignored.
// Source: kubernetes-metrics-api.md §5.1, §5.2; apiserver
// pkg/authentication/request/headerrequest/requestheader.go (v1.36).

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "adapter/caller.h"
#include "base/result.h"
#include "daemon/http.h"

namespace leadline {

struct FrontProxyTrust {
  std::string client_ca_pem;               // of ordinary client certificates; may be empty
  std::string front_proxy_ca_pem;          // never empty
  std::vector<std::string> allowed_names;  // common names; empty: any
  std::vector<std::string> user_headers, uid_headers, group_headers;
  std::vector<std::string> extra_prefixes;

  [[nodiscard]] bool operator==(const FrontProxyTrust&) const = default;
};

// Reads the ConfigMap. kBadInput: without `requestheader-client-ca-file`, or a list that is none:
// nobody could be believed then.
[[nodiscard]] Result<FrontProxyTrust> front_proxy_trust_from(const nlohmann::json& config_map);

// The caller whom the headers name. nullopt: they name none. kBadInput where a name is said twice,
// an extra key is no percent-encoding, or a value is not text: whoever wrote such headers is no
// kube-apiserver.
[[nodiscard]] Result<std::optional<Caller>> caller_from_headers(const FrontProxyTrust& trust,
                                                                const HttpRequest& request);

}  // namespace leadline
