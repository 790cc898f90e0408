#include "daemon/config.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leadline {

namespace {

using Json = nlohmann::json;

void check_names(const Json& list, ErrorList& errors) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].contains("name")) errors.push_back(fmt::format("[{}].name: missing", i));
  }
}

ConfigSchema schema() {
  return {.program = "leadline-test",
          .summary = "A schema with one key of each type.",
          .groups = {{"Engine",
                      {{.name = "engine_url", .help = "Where.", .example = "http://127.0.0.1:8000"},
                       {.name = "scrape_interval_ms",
                        .type = ConfigType::kDuration,
                        .default_value = "1000",
                        .help = "How often the engine is asked.",
                        .min = 250,
                        .max = 5000},
                       {.name = "engine_token_file",
                        .type = ConfigType::kSecretFile,
                        .help = "A key for the page.",
                        .example = "/run/secrets/token"}}},
                     {"Rest",
                      {{.name = "max_series",
                        .type = ConfigType::kInteger,
                        .default_value = "16",
                        .help = "How many.",
                        .min = 1,
                        .unit = "series"},
                       {.name = "min_coverage",
                        .type = ConfigType::kNumber,
                        .default_value = "0.5",
                        .help = "A share.",
                        .min = 0,
                        .max = 1},
                       {.name = "log_level",
                        .type = ConfigType::kChoice,
                        .default_value = "info",
                        .help = "How much is logged.",
                        .choices = {"debug", "info"}},
                       {.name = "keda_insecure",
                        .type = ConfigType::kBoolean,
                        .default_value = "false",
                        .help = "Whether."},
                       {.name = "metrics",
                        .type = ConfigType::kStructured,
                        .default_value = "[]",
                        .help = "Aliases.",
                        .example = "[{name: nv_queue, signal: queue_depth}]",
                        .validate = check_names}}}},
          .flags = {{"once", "", "Look once."}, {"output", "FORMAT", "How.", {"table", "json"}}}};
}

class ConfigTest : public testing::Test {
 public:
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

 protected:
  std::string write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  static ConfigOutcome load(std::vector<std::string> arguments,
                            std::map<std::string, std::string> environment = {}) {
    return load_config(schema(), {std::move(arguments), std::move(environment)});
  }

  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) /
      fmt::format("leadline_config_{}",
                  testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ConfigTest, DefaultsHoldWhereNothingIsGiven) {
  const auto outcome = load({});
  ASSERT_TRUE(outcome.config) << fmt::format("{}", fmt::join(outcome.errors, "\n"));
  const Config& config = *outcome.config;
  EXPECT_EQ(config.text("engine_url"), "");
  EXPECT_EQ(config.duration("scrape_interval_ms"), std::chrono::seconds(1));
  EXPECT_EQ(config.integer("max_series"), 16);
  EXPECT_EQ(config.number("min_coverage"), 0.5);
  EXPECT_EQ(config.text("log_level"), "info");
  EXPECT_FALSE(config.boolean("keda_insecure"));
  EXPECT_EQ(config.structured("metrics"), Json::array());
  EXPECT_EQ(config.secret("engine_token_file"), "");
  EXPECT_FALSE(config.is_set("max_series"));
  EXPECT_FALSE(config.has_flag("once"));
}

TEST_F(ConfigTest, AFlagWinsOverTheEnvironmentOverTheFile) {
  const std::string file = write(
      "a.yaml", "scrape_interval_ms: 300\nmax_series: 3\nengine_url: 8000\nlog_level: debug\n");
  const auto outcome = load({"--config", file, "--scrape-interval-ms", "500"},
                            {{"LEADLINE_SCRAPE_INTERVAL_MS", "400"},
                             {"LEADLINE_MAX_SERIES", "4"},
                             {"LEADLINE_LOG_LEVEL", ""}});
  ASSERT_TRUE(outcome.config) << fmt::format("{}", fmt::join(outcome.errors, "\n"));
  EXPECT_EQ(outcome.config->integer("scrape_interval_ms"), 500);
  EXPECT_EQ(outcome.config->integer("max_series"), 4);
  EXPECT_EQ(outcome.config->text("engine_url"), "8000");
  EXPECT_EQ(outcome.config->text("log_level"), "debug");
  EXPECT_TRUE(outcome.config->is_set("max_series"));
}

TEST_F(ConfigTest, TellsEveryErrorAtOnceWithValueOriginAndRange) {
  const std::string file = write("x.yaml",
                                 "engine_url: [a]\n"
                                 "scrape_interval: 9\n"
                                 "scrape_interval_ms: 7\n"
                                 "metrics: [{name: a}, {nam: b}]\n"
                                 "log_level:\n");
  const auto outcome =
      load({"--config=" + file, "--min-coverage", "2", "--nonsense", "--scrape-interval-m=1",
            "extra", "--output", "xml"},
           {{"LEADLINE_MAX_SERIES", "many"}, {"LEADLINE_KEDA_INSECURE", "perhaps"}});
  EXPECT_FALSE(outcome.config);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(
      outcome.errors,
      (ErrorList{
          "--nonsense: no such flag",
          "--scrape-interval-m: no such flag; did you mean --scrape-interval-ms?",
          "unexpected argument extra",
          "--output = xml, must be one of table, json",
          fmt::format("engine_url (from {} line 1), must be a single value, not a list or map",
                      file),
          fmt::format("log_level ({} line 5): has no value", file),
          fmt::format("metrics[1].name: missing (from {} line 4)", file),
          fmt::format("scrape_interval ({} line 2): no such key; did you mean scrape_interval_ms?",
                      file),
          fmt::format("scrape_interval_ms = 7 (from {} line 3), must be in [250, 5000] ms", file),
          "max_series = many (from LEADLINE_MAX_SERIES), must be an integer of at least 1 series",
          "keda_insecure = perhaps (from LEADLINE_KEDA_INSECURE), must be true or false",
          "min_coverage = 2 (from flag --min-coverage), must be in [0, 1]",
      }));
}

TEST_F(ConfigTest, ReadsEachTypeFromFlags) {
  const auto outcome = load({"--keda-insecure", "--metrics", "[{name: a, scale: 100}]", "--once",
                             "--output=json", "--log-level=debug", "--min-coverage=0.75"});
  ASSERT_TRUE(outcome.config) << fmt::format("{}", fmt::join(outcome.errors, "\n"));
  EXPECT_TRUE(outcome.config->boolean("keda_insecure"));
  EXPECT_EQ(outcome.config->structured("metrics").dump(), R"([{"name":"a","scale":100}])");
  EXPECT_TRUE(outcome.config->has_flag("once"));
  EXPECT_EQ(outcome.config->flag_value("output"), "json");
  EXPECT_EQ(outcome.config->number("min_coverage"), 0.75);
  EXPECT_FALSE(load({"--keda-insecure=false"}).config->boolean("keda_insecure"));
  EXPECT_EQ(load({"--max-series=1", "--max-series=2"}).config->integer("max_series"), 2);
}

TEST_F(ConfigTest, RefusesNumbersThatAreNone) {
  const auto f = [](std::string_view value, std::string_view want) {
    const auto outcome = load({fmt::format("--scrape-interval-ms={}", value)});
    ASSERT_EQ(outcome.errors.size(), 1u) << value;
    EXPECT_NE(outcome.errors[0].find(want), std::string::npos) << outcome.errors[0];
  };
  f("1s", "must be an integer in [250, 5000] ms");
  f("1e3", "must be an integer in [250, 5000] ms");
  f(" 500", "must be an integer in [250, 5000] ms");
  f("99999999999999999999", "must be an integer in [250, 5000] ms");
  f("5001", "must be in [250, 5000] ms");
  EXPECT_FALSE(load({"--min-coverage=nan"}).errors.empty());
}

TEST_F(ConfigTest, ReadsSecretsFromFilesOrTheEnvironmentAndShowsNone) {
  const std::string file = write("token", "s3cret\n");
  const auto from_file = load({"--engine-token-file", file}, {{"LEADLINE_ENGINE_TOKEN", "other"}});
  ASSERT_TRUE(from_file.config);
  EXPECT_EQ(from_file.config->secret("engine_token_file"), "s3cret");
  EXPECT_EQ(from_file.config->secret_path("engine_token_file"), file);
  const auto from_variable = load({}, {{"LEADLINE_ENGINE_TOKEN", "s3cret"}});
  EXPECT_EQ(from_variable.config->secret("engine_token_file"), "s3cret");
  EXPECT_TRUE(from_variable.warnings.empty());
  const auto printed = load({"--print-config"}, {{"LEADLINE_ENGINE_TOKEN", "s3cret"}}).output;
  EXPECT_EQ(printed.find("s3cret"), std::string::npos);
  EXPECT_NE(printed.find("engine_token_file: \"\"  # from LEADLINE_ENGINE_TOKEN (holds ***)\n"),
            std::string::npos);
  const auto missing = load({"--engine-token-file=/none"});
  EXPECT_EQ(
      missing.errors,
      ErrorList{"engine_token_file = /none (from flag --engine-token-file), cannot read /none"});
}

TEST_F(ConfigTest, WarnsOfUnknownVariablesOnly) {
  const auto outcome = load({}, {{"LEADLINE_MAX_SERIE", "4"}, {"LEADLINE_PORT", "tcp://10.0.0.1"}});
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.warnings,
            (ErrorList{"LEADLINE_MAX_SERIE: no such setting; did you mean LEADLINE_MAX_SERIES?",
                       "LEADLINE_PORT: no such setting"}));
}

TEST_F(ConfigTest, RefusesAFileThatIsMissingOrNoMap) {
  EXPECT_EQ(load({"--config=/none"}).errors, ErrorList{"--config: cannot read /none"});
  const std::string file = write("list.yaml", "- a\n");
  EXPECT_EQ(load({"--config", file}).errors,
            ErrorList{file + ": line 1: must be a map of keys and values"});
  EXPECT_EQ(load({"--config", folder_.string()}).exit_code, 2);
}

TEST_F(ConfigTest, ChecksPrintsAndHelpsInsteadOfRunning) {
  const auto checked = load({"--check-config"});
  EXPECT_FALSE(checked.config);
  EXPECT_EQ(checked.exit_code, 0);
  EXPECT_EQ(load({"--check-config", "--max-series=0"}).exit_code, 2);
  const auto printed = load({"--print-config", "--max-series=9"}).output;
  EXPECT_NE(printed.find("max_series: 9  # from flag --max-series\n"), std::string::npos);
  EXPECT_NE(printed.find("log_level: info  # default\n"), std::string::npos);
  EXPECT_EQ(load({"--version"}).output, "leadline-test " LEADLINE_VERSION "\n");
}

TEST_F(ConfigTest, WhatIsPrintedCanBeLoaded) {
  const auto printed =
      load({"--print-config", "--engine-url=http://a: b # c", "--metrics=[{name: 'x: y'}]"}).output;
  const auto again = load({"--config", write("printed.yaml", printed)});
  ASSERT_TRUE(again.config) << printed << fmt::format("{}", fmt::join(again.errors, "\n"));
  EXPECT_EQ(again.config->text("engine_url"), "http://a: b # c");
  EXPECT_EQ(again.config->structured("metrics")[0]["name"], "x: y");
}

TEST_F(ConfigTest, HelpTeachesEveryKey) {
  const std::string help = load({"--help", "--max-series=0"}).output;
  for (const char* part :
       {"Usage: leadline-test [--config FILE] [flags]", "Engine\n",
        "--scrape-interval-ms MILLISECONDS", "      How often the engine is asked.\n",
        "      Default: 1000. Environment: LEADLINE_SCRAPE_INTERVAL_MS.\n",
        "--log-level debug|info", "--output FORMAT", "--print-config"}) {
    EXPECT_NE(help.find(part), std::string::npos) << part;
  }
}

TEST_F(ConfigTest, TheExampleHasEveryKeyAndParses) {
  EXPECT_EQ(example_errors(schema()), ErrorList{});
  const std::string example = example_config(schema());
  EXPECT_NE(example.find("\n# How often the engine is asked.\n# Default: 1000. Environment: "
                         "LEADLINE_SCRAPE_INTERVAL_MS.\nscrape_interval_ms: 1000\n"),
            std::string::npos);
  EXPECT_NE(example.find("\nengine_url: http://127.0.0.1:8000\n"), std::string::npos);
}

TEST_F(ConfigTest, ValidatesKeysTogether) {
  ConfigSchema both = schema();
  both.validate = [](const Config& config, ErrorList& errors) {
    if (config.integer("max_series") > 10 && config.boolean("keda_insecure")) {
      errors.emplace_back("max_series and keda_insecure disagree");
    }
  };
  EXPECT_TRUE(load_config(both, {}).config);
  const auto outcome = load_config(both, {{"--keda-insecure"}, {}});
  EXPECT_EQ(outcome.errors, ErrorList{"max_series and keda_insecure disagree"});
}

TEST_F(ConfigTest, FindsTheBugsOfASchema) {
  const auto f = [](ConfigKey key, std::string_view want) {
    ConfigSchema one{.program = "p", .summary = "s", .groups = {{"G", {std::move(key)}}}};
    EXPECT_EQ(schema_errors(one), ErrorList{std::string(want)});
  };
  f({.name = "port", .help = "h"}, "port: is what Kubernetes' service links set");
  f({.name = "service_host", .help = "h"}, "service_host: is what Kubernetes' service links set");
  f({.name = "Bad", .help = "h"}, "Bad: is not snake_case");
  f({.name = "x"}, "x: has no help");
  f({.name = "x", .type = ConfigType::kDuration, .default_value = "1", .help = "h"},
    "x: must end in _ms");
  f({.name = "x", .type = ConfigType::kSecretFile, .help = "h"}, "x: must end in _file");
  f({.name = "x", .type = ConfigType::kChoice, .default_value = "c", .help = "h", .choices = {"a"}},
    "x: default 'c' must be one of a");
  f({.name = "config", .help = "h"}, "--config is declared twice");
}

}  // namespace

}  // namespace leadline
