#include "tests/contract/contract_rig.h"

#include <charconv>
#include <thread>
#include <utility>

#include "adapter/base64.h"
#include "demo/adapter_process.h"
#include "tests/required.h"
#include "tests/text_of.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::test {
namespace {

using nlohmann::json;

const std::string kToken = "checkers-token";
const std::string kSecrets = "/api/v1/namespaces/default/secrets";

json owner(const char* api_version, const char* kind, const char* name) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"name", name}};
}

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
  if (pod["deleting"].get<bool>()) metadata["deletionTimestamp"] = "2026-08-20T10:00:00Z";
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

ContractTest::ContractTest()
    : kube_ca_(kube_authority()),
      kube_(kube_certificate(kube_ca_)),
      folder_(required(WorkFolder::make())) {
  write_trust(front_proxy_ca_.certificate_pem, R"(["front-proxy-client"])");
  kube_.put(kNodesPath, node("n1", "a"));
  kube_.put(kNodesPath, node("n2", "b"));
  kube_.put(kApiServicesPath, api_service("v1beta1", "custom.metrics.k8s.io"));
  kube_.put(kApiServicesPath, api_service("v1beta2", "custom.metrics.k8s.io"));
  kube_.put(kApiServicesPath, api_service("v1beta1", "external.metrics.k8s.io"));
  kube_.know_token(kToken, {{"username", "checker"}, {"groups", json::array()}});
  kube_.set_access([](const json& spec) { return spec["user"] != "system:anonymous"; });
  add_pods();
}

void ContractTest::add_pods() {
  const json replica_set = owner("apps/v1", "ReplicaSet", "d-7f");
  fleet_.add({.name = "p-1",
              .labels = {{"app", "web"}, {"tier", "a"}, {"n", "3"}, {"pod-template-hash", "7f"}},
              .owner = replica_set},
             3);
  fleet_.add({.name = "p-2",
              .labels = {{"app", "web"}, {"tier", "b"}, {"n", "7"}, {"pod-template-hash", "7f"}},
              .owner = replica_set,
              .node = "n2"},
             5);
  fleet_.add({.name = "p-3",
              .labels = {{"app", "db"},
                         {"n", "x"},
                         {"in", "in"},
                         {"example.com/team", "ml"},
                         {"leaderworkerset.sigs.k8s.io/name", "l"}},
              .owner = owner("apps/v1", "StatefulSet", "l")},
             7);
  fleet_.add({.name = "p-4", .labels = {{"tier", ""}}, .node = "n2"}, 11);
}

void ContractTest::write_pods() {
  std::set<std::string> now;
  for (const json& pod : fleet_.document()) {
    now.insert(
        fmt::format("{}/{}", pod["namespace"].get<std::string>(), pod["name"].get<std::string>()));
    kube_.put(kPodsPath, kube_pod(pod));
  }
  for (const std::string& key : std::exchange(listed_, now)) {
    if (!now.contains(key)) kube_.remove(kPodsPath, key);
  }
}

void ContractTest::write_trust(const std::string& front_proxy_ca,
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

void ContractTest::write_kubeconfig() {
  const json cluster = {{"server", kube_.url()},
                        {"certificate-authority-data", encode_base64(kube_ca_.certificate_pem)}};
  const json document = {
      {"current-context", "c"},
      {"contexts", {{{"name", "c"}, {"context", {{"cluster", "k"}, {"user", "u"}}}}}},
      {"clusters", {{{"name", "k"}, {"cluster", cluster}}}},
      {"users", {{{"name", "u"}, {"user", {{"token", "adapters-own-token"}}}}}}};
  required(folder_.write("kubeconfig", document.dump()));
}

void ContractTest::start(std::vector<std::string> flags) {
  write_pods();
  write_kubeconfig();
  flags.insert(flags.end(),
               {"--kubeconfig", folder_.file("kubeconfig"), "--kube-service", "default/adapter",
                "--listen-address", "127.0.0.1", "--api-listen-port", "0", "--metrics-listen-port",
                "0", "--max-age-ms", max_age_ms_});
  adapter_ = required(ChildProcess::start({.program = program_folder() + "/leadline-adapter",
                                           .arguments = std::move(flags),
                                           .environment = {},
                                           .log_file = folder_.file("adapter.log")}));
  const std::string listening = required(
      adapter_.wait_for("listening", system_now, system_now().steady + std::chrono::seconds{60}));
  port_ = port_after("api=127.0.0.1:", listening);
  metrics_port_ = port_after("metrics=127.0.0.1:", listening);
  const auto heard = [this] {
    return self_metric(R"(leadline_adapter_pods{state="fresh"})") +
           self_metric(R"(leadline_adapter_pods{state="stale"})");
  };
  const auto speaking = static_cast<double>(fleet_.speaking());
  ASSERT_TRUE(eventually([&] {
    return heard() == speaking && ask_metrics_port("/readyz").status == 200;
  })) << heard()
      << " of " << speaking << " pods were heard\n"
      << log();
}

std::string ContractTest::log() const {
  return text_of(folder_.file("adapter.log"));
}

std::string ContractTest::trusted() const {
  const auto secret = kube_.object(kSecrets, "adapter-certificate");
  if (!trusted_pem_.empty() || !secret) return trusted_pem_;
  return decode_base64((*secret)["data"].value("ca.crt", "")).value_or("");
}

ApiAddress ContractTest::address() const {
  return {
      .port = port_, .certificate_pem = trusted(), .token = kToken, .host = kServedName, .own = {}};
}

ApiReply ContractTest::call(const ApiCall& call) const {
  return ApiCaller(address()).last_call(call);
}

json ContractTest::data(const std::string& path) const {
  const ApiReply reply = get(path);
  EXPECT_EQ(reply.status, 200) << path << "\n" << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/json") << path;
  return reply.json();
}

json ContractTest::only_item(const std::string& path) const {
  const json list = data(path);
  const bool one = list.contains("items") && list["items"].is_array() && list["items"].size() == 1;
  EXPECT_TRUE(one) << path << "\n" << list.dump();
  return one ? list["items"][0] : json::object();
}

std::vector<std::string> ContractTest::described(const std::string& path) const {
  const json list = data(path);
  std::vector<std::string> names;
  if (!list.contains("items")) return names;
  for (const json& item : list["items"]) {
    names.push_back(item["describedObject"]["name"].get<std::string>());
  }
  return names;
}

void expect_status(const ApiReply& reply, int code, std::string_view reason,
                   const std::vector<std::string>& words) {
  EXPECT_EQ(reply.status, code) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  const json body = reply.json();
  ASSERT_TRUE(body.is_object()) << reply.body;
  EXPECT_EQ(body.value("kind", ""), "Status");
  EXPECT_EQ(body.value("apiVersion", ""), "v1");
  EXPECT_EQ(body.value("status", ""), "Failure");
  EXPECT_EQ(body.value("code", 0), code);
  EXPECT_EQ(body.value("reason", ""), reason) << reply.body;
  EXPECT_EQ(body.value("metadata", json()), json::object());
  const std::string message = body.value("message", "");
  EXPECT_NE(message, "");
  for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
}

ApiReply ContractTest::ask_metrics_port(const std::string& path) const {
  RawSocket socket = RawSocket::connect(metrics_port_);
  socket.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return parse_reply(socket.read_answer());
}

double ContractTest::self_metric(const std::string& name) const {
  const std::string page = "\n" + ask_metrics_port("/metrics").body;
  const std::size_t at = page.find("\n" + name + " ");
  double value = 0;
  if (at == std::string::npos) return value;
  const char* start = page.data() + at + name.size() + 2;
  std::from_chars(start, page.data() + page.size(), value);
  return value;
}

void ContractTest::pause(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  if (!object.is_object()) return keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace leadline::test
