// ApiClient is how the demo asks the adapter, or with --cluster kube-apiserver: HTTPS on loopback
// with one certificate trusted and a bearer token, as a user of the Kubernetes API would. One
// thread.

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
    std::string certificate_file;  // PEM: the server's own, or its authority's
    std::string token;
  };

  explicit ApiClient(const Endpoint& endpoint);
  ~ApiClient();

  // Waits 2 s for a connection and 2 s for each part of the answer; status 0 where none came.
  [[nodiscard]] ApiAnswer get(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
