#include "tests/contract/contract_rig.h"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/required.h"
#include "tests/text_of.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::test {
namespace {

using nlohmann::json;

json owner(const char* api_version, const char* kind, const char* name) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"name", name}};
}

json node(const char* name, const char* zone) {
  return {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", name}, {"labels", {{"zone", zone}}}};
}

}  // namespace

ContractTest::ContractTest() : folder_(required(WorkFolder::make())) {
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

void ContractTest::write_pods() const {
  const json objects = json::array({node("n1", "a"), node("n2", "b")});
  const std::string next = folder_.file("pods.next");
  std::ofstream(next, std::ios::trunc)
      << json{{"pods", fleet_.document()}, {"objects", objects}}.dump();
  std::rename(next.c_str(), folder_.file("pods.json").c_str());
}

void ContractTest::start(std::vector<std::string> flags) {
  write_pods();
  flags.insert(flags.end(), {"--max-age-ms", max_age_ms_});
  adapter_.emplace(folder_);
  const auto started = adapter_->start(folder_.file("pods.json"), flags);
  ASSERT_TRUE(started) << started.error().message;
  const auto heard = [this] {
    return self_metric(R"(leadline_adapter_pods{state="fresh"})") +
           self_metric(R"(leadline_adapter_pods{state="stale"})");
  };
  const auto speaking = static_cast<double>(fleet_.speaking());
  ASSERT_TRUE(eventually([&] { return heard() == speaking && get("/readyz").status == 200; }))
      << heard() << " of " << speaking << " pods were heard\n"
      << text_of(adapter_->log_file());
}

ApiAddress ContractTest::address() const {
  return {.port = adapter_->port(),
          .certificate_pem = text_of(adapter_->certificate_file()),
          .token = adapter_->token()};
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
  RawSocket socket = RawSocket::connect(adapter_->metrics_port());
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
