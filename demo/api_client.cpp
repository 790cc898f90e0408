#include "demo/api_client.h"

#include <httplib.h>

namespace leadline {

struct ApiClient::Impl {
  httplib::SSLClient client;
  explicit Impl(std::uint16_t port) : client("localhost", port) {}
};

ApiClient::ApiClient(const Endpoint& endpoint) : impl_(std::make_unique<Impl>(endpoint.port)) {
  httplib::SSLClient& client = impl_->client;
  client.set_hostname_addr_map({{"localhost", "127.0.0.1"}});
  client.set_ca_cert_path(endpoint.certificate_file);
  client.enable_server_certificate_verification(true);
  client.set_bearer_token_auth(endpoint.token);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_connection_timeout(2);
  client.set_read_timeout(2);
}

ApiClient::~ApiClient() = default;

ApiAnswer ApiClient::get(const std::string& path) {
  const auto answer = impl_->client.Get(path, {{"Accept", "application/json"}});
  if (!answer)
    return {.status = 0, .body = "the API did not answer: " + httplib::to_string(answer.error())};
  return {.status = answer->status, .body = answer->body};
}

}  // namespace leadline
