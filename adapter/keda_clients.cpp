#include "adapter/keda_clients.h"

#include <algorithm>

namespace leadline {

bool KedaClients::may_ask(std::span<const std::string> sans,
                          std::string_view namespace_name) const {
  return std::ranges::any_of(clients_, [&](const KedaClient& client) {
    const auto speaks_for = [&](const std::string& allowed) {
      return allowed == "*" || allowed == namespace_name;
    };
    return std::ranges::find(sans, client.san) != sans.end() &&
           std::ranges::any_of(client.namespaces, speaks_for);
  });
}

}  // namespace leadline
