// KedaClients says which namespaces a client certificate may speak for, by the alternative names in
// it: a KEDA that serves one tenant must not read another's values. Pure, immutable, thread-safe.
// Source: design.md §6.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leadline {

// `{san: keda-operator.keda.svc, namespaces: ["*"]}`
struct KedaClient {
  std::string san;                      // DNS name, URI or address, as the certificate spells it
  std::vector<std::string> namespaces;  // "*" is every one
};

class KedaClients {
 public:
  explicit KedaClients(std::vector<KedaClient> clients) : clients_(std::move(clients)) {}

  // Whether one of the certificate's alternative names may ask about the namespace. Names are
  // compared whole: a wildcard in a certificate stands for itself.
  [[nodiscard]] bool may_ask(std::span<const std::string> sans,
                             std::string_view namespace_name) const;

 private:
  std::vector<KedaClient> clients_;
};

}  // namespace leadline
