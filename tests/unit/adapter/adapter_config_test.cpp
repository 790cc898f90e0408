#include "adapter/config.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

ConfigOutcome load(std::vector<std::string> arguments) {
  return load_config(adapter_schema(), {std::move(arguments), {{"LEADLINE_TOKEN", "sesame"}}});
}

TEST(AdapterConfigTest, TheExampleWithEveryKeyIsValid) {
  EXPECT_EQ(schema_errors(adapter_schema()), ErrorList{});
  EXPECT_EQ(example_errors(adapter_schema()), ErrorList{});
}

TEST(AdapterConfigTest, EachKeyReachesItsPart) {
  const auto outcome =
      load({"--pods-file", "/pods", "--api-listen-port", "0", "--metrics-listen-port", "1",
            "--listen-address", "127.0.0.1", "--max-age-ms", "3000", "--min-coverage", "0.7",
            "--slo", "{ttft_ms: 2000}", "--hidden-metrics", "[batch_size]", "--metrics",
            "[{name: nv_queue, signal: queue_depth, window: 15s, scale: 2}]"});
  ASSERT_TRUE(outcome.config) << outcome.errors.size();
  const AdapterConfig config = adapter_config(*outcome.config);
  EXPECT_EQ(config.pods_file, "/pods");
  EXPECT_EQ(config.token, "sesame");
  EXPECT_EQ(config.api_port, 0);
  EXPECT_EQ(config.metrics_port, 1);
  EXPECT_EQ(config.least_max_age, std::chrono::seconds{3});
  EXPECT_EQ(config.min_coverage, 0.7);
  EXPECT_EQ(config.catalogue.slo_bounds[index_of(Latency::kTtft)], 2.0);
  EXPECT_EQ(config.catalogue.hidden, std::vector<std::string>{"batch_size"});
  ASSERT_EQ(config.catalogue.aliases.size(), 1U);
  EXPECT_EQ(config.catalogue.aliases[0].window, "15s");
  EXPECT_EQ(config.catalogue.aliases[0].scale, 2);
}

TEST(AdapterConfigTest, RefusalsSayWhatItMustBe) {
  const auto f = [](std::vector<std::string> arguments, std::string_view want) {
    arguments.insert(arguments.end(), {"--pods-file", "/pods"});
    const auto outcome = load(std::move(arguments));
    EXPECT_FALSE(outcome.config) << want;
    std::string all;
    for (const auto& error : outcome.errors) all += error + "\n";
    EXPECT_NE(all.find(want), std::string::npos) << all;
  };
  f({"--slo", "{ttft_ms: -1}"}, "ttft_ms: -1 must be in (0, 3600000] ms");
  f({"--slo", "{latency: 1}"}, "latency: is not a key here");
  f({"--metrics", "queue_depth"}, "must be a list");
  f({"--metrics", "[{name: a}]"}, "metrics[0]: needs either signal or metric");
  f({"--metrics", "[{name: a, signal: queue_depth, scale: x}]"}, "metrics[0].scale: \"x\"");
  f({"--metrics", "[{name: a, signal: nope}]"}, "\"nope\": no such metric");
  f({"--hidden-metrics", "[1]"}, "hidden_metrics[0]: must be text");
  f({"--tls-cert-file", "/a"}, "give both");
  f({"--keda-clients", "[{san: a}]"}, "keda_clients[0].namespaces: must be a list");
  f({"--keda-clients", "[{namespaces: [a]}]"}, "keda_clients[0].san");
  f({"--keda-clients", "[{san: a, namespaces: [1]}]"}, "1 must be a namespace or \"*\"");
  f({"--keda-tls-cert-file", "/a"}, "keda_tls_key_file: is required");
  f({"--keda-tls-cert-file", "/a"}, "keda_client_ca_file: is required");
  f({"--keda-tls-cert-file", "/a"}, "keda_clients: is required");
  f({"--keda-clients", "[{san: a, namespaces: [b]}]"}, "keda_tls_cert_file: is required");
  f({"--keda-insecure=true", "--keda-tls-key-file", "/a"}, "keda_insecure: excludes");
  f({"--keda-loading-grace-ms", "86400001"}, "keda_loading_grace_ms = 86400001");
  f({"--keda-absent-grace-ms", "-1"}, "keda_absent_grace_ms = -1");
  f({"--redis", "{queues: [{name: q}]}"}, "redis: queues[0].namespace: is required");
  const std::string redis =
      "{servers: [{name: a, address: r}], queues: [{name: q, namespace: n, server: a, kind: list, "
      "keys: [k]}]}";
  f({"--redis", redis, "--metrics", "[{name: Redis_Queue_Depth, signal: queue_depth}]"},
    "metrics: \"Redis_Queue_Depth\" is a metric of the queues under redis");
}

TEST(AdapterConfigTest, KedaIsServedOnlyWhereItIsAskedFor) {
  const auto keda = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--pods-file", "/pods"});
    const auto outcome = load(std::move(arguments));
    EXPECT_TRUE(outcome.config);
    return adapter_config(*outcome.config).keda;
  };
  EXPECT_FALSE(keda({}));
  EXPECT_FALSE(keda({"--keda-listen-port", "1"}));
  const auto insecure = keda({"--keda-insecure=true"});
  ASSERT_TRUE(insecure);
  EXPECT_EQ(insecure->port, 9734);
  EXPECT_EQ(insecure->loading_grace, std::chrono::minutes{15});
  EXPECT_TRUE(insecure->tls_certificate_file.empty());
  const auto hasty = keda({"--keda-insecure=true", "--keda-loading-grace-ms", "20000"});
  ASSERT_TRUE(hasty);
  EXPECT_EQ(hasty->loading_grace, std::chrono::seconds{20});
  const auto tls =
      keda({"--keda-listen-port", "7", "--keda-tls-cert-file", "/c", "--keda-tls-key-file", "/k",
            "--keda-client-ca-file", "/ca", "--keda-clients", "[{san: a, namespaces: [b, c]}]"});
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->port, 7);
  EXPECT_EQ(tls->client_ca_file, "/ca");
  ASSERT_EQ(tls->clients.size(), 1U);
  EXPECT_EQ(tls->clients[0].san, "a");
  EXPECT_EQ(tls->clients[0].namespaces, (std::vector<std::string>{"b", "c"}));
}

// KEDA's JSON, which is served always, needs it too.
TEST(AdapterConfigTest, TheGraceOfWorkloadsThatAreGoneHoldsForBothDoors) {
  const auto grace = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--pods-file", "/pods"});
    return adapter_config(load(std::move(arguments)).config.value()).keda_absent_grace;
  };
  EXPECT_EQ(grace({}), std::chrono::minutes{1});
  EXPECT_EQ(grace({"--keda-absent-grace-ms", "0"}), std::chrono::seconds{0});
}

// One start lists what is wrong with a key alone and what is wrong with keys together.
TEST(AdapterConfigTest, EveryErrorIsListedAtOnce) {
  const auto outcome = load(
      {"--min-coverage", "7", "--tls-cert-file", "/a", "--metrics", "[{name: a, signal: nope}]"});
  std::string all;
  for (const auto& error : outcome.errors) all += error + "\n";
  EXPECT_NE(all.find("min_coverage = 7"), std::string::npos) << all;
  EXPECT_NE(all.find("give both"), std::string::npos) << all;
  EXPECT_NE(all.find("\"nope\": no such metric"), std::string::npos) << all;
  EXPECT_NE(all.find("pods_file: is required"), std::string::npos) << all;
}

// Pods and callers come from a cluster, or from a file and by a token; never half of each.
TEST(AdapterConfigTest, PodsAndCallersHaveOneSource) {
  const auto f = [](const ConfigInputs& inputs, std::string_view want) {
    const auto outcome = load_config(adapter_schema(), inputs);
    const std::string got = outcome.errors.empty() ? "" : outcome.errors.front();
    EXPECT_EQ(outcome.errors.size(), want.empty() ? 0U : 1U) << got;
    EXPECT_EQ(got.substr(0, want.size()), want);
  };
  f({{}, {}}, "pods_file: is required where there is no Kubernetes API");
  f({{"--pods-file", "/pods"}, {}}, "token_file: is required");
  f({{"--pods-file", "/pods", "--kubeconfig", "/k"}, {}}, "pods_file and kubeconfig: give one");
  f({{"--kubeconfig", "/k"}, {{"LEADLINE_TOKEN", "t"}}}, "token_file: only with pods_file");
  f({{"--kubeconfig", "/k", "--kube-service", "x"}, {}}, "kube_service = \"x\": must be");
  f({{"--kubeconfig", "/k"}, {}}, "");
  f({{}, {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}}}, "");
  f({{"--pods-file", "/pods"}, {{"LEADLINE_TOKEN", "t"}, {"KUBERNETES_SERVICE_HOST", "h"}}}, "");
}

}  // namespace
}  // namespace leadline
