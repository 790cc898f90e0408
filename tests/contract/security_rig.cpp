#include "tests/contract/security_rig.h"

#include <charconv>

#include "adapter/base64.h"
#include "demo/adapter_process.h"
#include "tests/required.h"
#include "tests/text_of.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::test {
namespace {

using nlohmann::json;

const std::string kSecrets = "/api/v1/namespaces/default/secrets";

// One pod of FakeFleet::document() as an API server has it.
json kube_pod(const json& pod) {
  json metadata = {{"name", pod["name"]},
                   {"namespace", pod["namespace"]},
                   {"uid", pod["uid"]},
                   {"labels", pod["labels"]}};
  if (!pod["owner"].is_null()) {
    json owner = pod["owner"];
    owner["controller"] = true;
    metadata["ownerReferences"] = json::array({owner});
  }
  const json port = {{"name", "leadline"}, {"containerPort", pod["port"]}};
  const json sidecar = {
      {"name", "leadline"}, {"restartPolicy", "Always"}, {"ports", json::array({port})}};
  const json ready = {{"type", "Ready"}, {"status", "True"}};
  return {{"metadata", metadata},
          {"spec", {{"nodeName", pod["node"]}, {"initContainers", json::array({sidecar})}}},
          {"status",
           {{"phase", "Running"}, {"podIP", pod["ip"]}, {"conditions", json::array({ready})}}}};
}

json node(const char* name, const char* zone) {
  return {{"metadata", {{"name", name}, {"labels", {{"zone", zone}}}}}};
}

json api_service(const std::string& version, const std::string& group) {
  return {{"metadata", {{"name", version + "." + group}}},
          {"spec", {{"service", {{"name", "adapter"}, {"namespace", "default"}}}}}};
}

std::uint16_t port_after(std::string_view key, std::string_view text) {
  const auto at = text.find(key);
  std::uint16_t port = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + key.size(), text.data() + text.size(), port);
  return port;
}

KeyPair kube_authority() {
  return required(make_authority("kube-ca", system_now().wall, std::chrono::hours{24}));
}

KeyPair kube_certificate(const KeyPair& authority) {
  return required(
      issue_certificate(authority, {"127.0.0.1"}, system_now().wall, std::chrono::hours{24}));
}

}  // namespace

SecurityTest::SecurityTest() : kube_ca_(kube_authority()), kube_(kube_certificate(kube_ca_)) {
  write_trust(front_proxy_ca_.certificate_pem, R"(["front-proxy-client"])");
  kube_.put(kNodesPath, node("n1", "a"));
  kube_.put(kNodesPath, node("n2", "b"));
  kube_.put(kApiServicesPath, api_service("v1beta1", "custom.metrics.k8s.io"));
  kube_.put(kApiServicesPath, api_service("v1beta2", "custom.metrics.k8s.io"));
  kube_.put(kApiServicesPath, api_service("v1beta1", "external.metrics.k8s.io"));
  for (const json& pod : fleet_.document()) kube_.put(kPodsPath, kube_pod(pod));
}

void SecurityTest::write_trust(const std::string& front_proxy_ca,
                               const std::string& allowed_names) {
  kube_.put(
      kConfigMapsPath,
      {{"metadata", {{"name", "extension-apiserver-authentication"}, {"namespace", "kube-system"}}},
       {"data",
        {{"client-ca-file", client_ca_.certificate_pem},
         {"requestheader-client-ca-file", front_proxy_ca},
         {"requestheader-allowed-names", allowed_names},
         {"requestheader-username-headers", R"(["X-Remote-User"])"},
         {"requestheader-uid-headers", R"(["X-Remote-Uid"])"},
         {"requestheader-group-headers", R"(["X-Remote-Group"])"},
         {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"}}}});
}

void SecurityTest::write_kubeconfig() {
  const json cluster = {{"server", kube_.url()},
                        {"certificate-authority-data", encode_base64(kube_ca_.certificate_pem)}};
  const json document = {
      {"current-context", "c"},
      {"contexts", {{{"name", "c"}, {"context", {{"cluster", "k"}, {"user", "u"}}}}}},
      {"clusters", {{{"name", "k"}, {"cluster", cluster}}}},
      {"users", {{{"name", "u"}, {"user", {{"token", "adapters-own-token"}}}}}}};
  required(folder_.write("kubeconfig", document.dump()));
}

void SecurityTest::start(std::vector<std::string> flags) {
  write_kubeconfig();
  flags.insert(flags.end(),
               {"--kubeconfig", folder_.file("kubeconfig"), "--kube-service", "default/adapter",
                "--listen-address", "127.0.0.1", "--api-listen-port", "0", "--metrics-listen-port",
                "0", "--max-age-ms", max_age_ms_});
  child_ = required(ChildProcess::start({.program = program_folder() + "/leadline-adapter",
                                         .arguments = std::move(flags),
                                         .environment = {},
                                         .log_file = folder_.file("adapter.log")}));
  const std::string listening = required(
      child_.wait_for("listening", system_now, system_now().steady + std::chrono::seconds{60}));
  port_ = port_after("api=127.0.0.1:", listening);
  metrics_port_ = port_after("metrics=127.0.0.1:", listening);
  ASSERT_TRUE(eventually([this] { return is_ready(); })) << log();
}

bool SecurityTest::is_ready() const {
  const std::string fresh =
      fmt::format("leadline_adapter_pods{{state=\"fresh\"}} {}\n", fleet_.speaking());
  return ask_self("/readyz").status == 200 &&
         ask_self("/metrics").body.find(fresh) != std::string::npos;
}

std::string SecurityTest::log() const {
  return text_of(folder_.file("adapter.log"));
}

ApiReply SecurityTest::ask_self(const std::string& path) const {
  RawSocket socket = RawSocket::connect(metrics_port_);
  socket.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return parse_reply(socket.read_answer());
}

ApiAddress SecurityTest::address_for(const KeyPair& certificate) const {
  std::string trusted = trusted_pem_;
  if (const auto secret = kube_.object(kSecrets, "adapter-certificate"); trusted.empty() && secret)
    trusted = decode_base64((*secret)["data"].value("ca.crt", "")).value_or("");
  return {.port = port_,
          .certificate_pem = std::move(trusted),
          .token = {},
          .host = kServedName,
          .own = certificate};
}

ApiReply SecurityTest::with(const KeyPair& certificate, const std::string& path,
                            std::vector<HttpHeader> headers) const {
  return ApiCaller(address_for(certificate))
      .last_call({.path = path, .headers = std::move(headers), .with_token = false});
}

ApiReply SecurityTest::nothing_shown(const std::string& path,
                                     std::vector<HttpHeader> headers) const {
  return with({}, path, std::move(headers));
}

ApiReply SecurityTest::with_token(const std::string& token, const std::string& path) const {
  return with({}, path, {{"Authorization", "Bearer " + token}});
}

ApiReply SecurityTest::as(const std::string& user, const std::string& path,
                          std::vector<HttpHeader> headers) const {
  headers.push_back({"X-Remote-User", user});
  return with(front_proxy_, path, std::move(headers));
}

}  // namespace leadline::test
