#include "sidecar/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

ConfigOutcome load(std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment = {}) {
  return load_config(sidecar_schema(), {std::move(arguments), std::move(environment)});
}

SidecarConfig good(std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment = {}) {
  const ConfigOutcome outcome = load(std::move(arguments), std::move(environment));
  EXPECT_TRUE(outcome.config) << fmt::format("{}", fmt::join(outcome.errors, "\n"));
  return sidecar_config(outcome.config.value());
}

TEST(ConfigTest, SchemaAndExampleAreSound) {
  EXPECT_EQ(schema_errors(sidecar_schema()), ErrorList{});
  EXPECT_EQ(example_errors(sidecar_schema()), ErrorList{});
}

TEST(ConfigTest, NeedsNothing) {
  const SidecarConfig config = good({});
  EXPECT_FALSE(config.address.url);
  EXPECT_TRUE(config.address.ports.empty());
  EXPECT_FALSE(config.scrape_interval);
  EXPECT_EQ(config.listen_port, 9733);
  EXPECT_FALSE(config.once);
}

TEST(ConfigTest, EngineIsAUrlOrADialect) {
  EXPECT_EQ(good({"--engine", "http://127.0.0.1:8000"}).address.url->port, 8000);
  EXPECT_EQ(good({"--engine", "vllm"}).scraper.dialect->id(), "vllm");
  EXPECT_EQ(good({"--engine", "http://127.0.0.1:8000"}).scraper.dialect, nullptr);
  const SidecarConfig both =
      good({}, {{"LEADLINE_ENGINE", "vllm"}, {"LEADLINE_ENGINE_URL", "http://e:1/metrics"}});
  EXPECT_EQ(both.scraper.dialect->id(), "vllm");
  EXPECT_EQ(both.address.url->path, "/metrics");
}

TEST(ConfigTest, PortsAreAListHoweverWritten) {
  const auto f = [](const std::string& text, std::vector<std::uint16_t> want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(good({}, {{"LEADLINE_ENGINE_PORTS", text}}).address.ports, want);
  };
  f("8000", {8000});
  f("8000,8001", {8000, 8001});
  f("8000, 8001", {8000, 8001});
  f("[8000, 8001]", {8000, 8001});
  f("[]", {});
}

TEST(ConfigTest, EveryMistakeIsSaidAtOnce) {
  const ConfigOutcome outcome =
      load({"--engine", "vlm", "--engine-ports", "0,70000", "--scrape-interval-ms", "7",
            "--engine-url", "ftp://x", "--listen-port", "70000", "--log-level", "loud"});
  EXPECT_FALSE(outcome.config);
  EXPECT_EQ(outcome.exit_code, 2);
  const std::string all = fmt::format("{}", fmt::join(outcome.errors, "\n"));
  for (const char* said : {"engine = vlm", "vllm", "engine_ports[0] = 0", "engine_ports[1] = 70000",
                           "scrape_interval_ms = 7", "at least 100", "engine_url = ftp://x",
                           "listen_port = 70000", "log_level = loud"}) {
    EXPECT_NE(all.find(said), std::string::npos) << said << " is missing in:\n" << all;
  }
}

TEST(ConfigTest, AMappingMakesTheGenericDialect) {
  const std::string mapping = "{rows: [{signal: queue_depth, family: my_queue}]}";
  EXPECT_EQ(good({"--engine-mapping", mapping}).scraper.dialect->id(), "generic");
  EXPECT_EQ(good({"--engine-mapping", mapping, "--engine", "generic"}).scraper.dialect->id(),
            "generic");
  EXPECT_FALSE(load({"--engine-mapping", mapping, "--engine", "vllm"}).config);
  EXPECT_FALSE(load({"--engine", "generic"}).config) << "generic needs a mapping";
  EXPECT_FALSE(load({"--engine-mapping", "{rows: [{signal: nonsense, family: x}]}"}).config);
}

TEST(ConfigTest, OneUrlIsEnough) {
  EXPECT_FALSE(load({"--engine", "http://a:1", "--engine-url", "http://b:2"}).config);
  EXPECT_FALSE(load({"--output", "json"}).config) << "--output needs --once";
  EXPECT_FALSE(load({"--once", "--output", "xml"}).config);
  EXPECT_TRUE(good({"--once", "--output", "json"}).json);
}

TEST(ConfigTest, PodIdentityDecidesThePhase) {
  const PodIdentity one{"default", "vllm-0", "uid"};
  EXPECT_EQ(phase_identity(one), phase_identity({"default", "vllm-0", "uid"}));
  EXPECT_NE(phase_identity(one), phase_identity({"default", "vllm-1", "uid"}));
}

}  // namespace
}  // namespace leadline
