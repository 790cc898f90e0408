// Where an engine's page may be: the endpoints worth one GET, in the order in which to ask. Pure.
// Source: engine survey, "Which port" and "Detecting the engine", rule 2.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/http_url.h"

namespace leadline {

// What the operator said. Without a URL the ports are tried on loopback; without ports the
// defaults.
struct EngineAddress {
  std::optional<HttpUrl> url;  // with a path: that page alone; without: the known paths on its port
  std::vector<std::uint16_t> ports;  // at most kMostPorts
};

inline constexpr std::size_t kMostPorts = 16;

struct Candidate {
  HttpUrl endpoint;
  // A neighbouring port where some engines print their page (Triton: 8002). Asked only when the
  // port that was named speaks HTTP and has no page: it may as well belong to somebody else.
  bool neighbour = false;
};

// At most kMostPorts x 5, never empty.
[[nodiscard]] std::vector<Candidate> candidates_of(const EngineAddress& address);

}  // namespace leadline
