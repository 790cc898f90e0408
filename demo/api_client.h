// ApiClient is how the demo's autoscaler and view read the adapter: HTTPS with the adapter's own
// certificate pinned and a bearer token, as a user of the Kubernetes API would. One thread.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "demo/autoscaler.h"

namespace leadline {

class ApiClient {
 public:
  struct Endpoint {
    std::uint16_t port = 0;
    std::string certificate_file;  // PEM that signs itself
    std::string token;
  };

  explicit ApiClient(const Endpoint& endpoint);
  ~ApiClient();

  // Blocks for at most 2 s; status 0 where nobody answered.
  [[nodiscard]] ApiAnswer get(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
