// Holds the rules that no compiler checks: who may include whom, where the clock and the
// environment are read, what a header owes its reader. Each rule carries a line that breaks it and
// one that does not, and a test shows that it tells them apart.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/signal.h"
#include "tests/text_of.h"

namespace {

namespace fs = std::filesystem;
using leadline::text_of;

constexpr std::size_t kLineWidth = 100;  // columns
constexpr std::size_t kBeastFiles = 6;   // each costs 12-70 s to compile: design.md, section 7

// A line that the rule speaks of, and the file it stands in.
struct Example {
  std::string_view path;
  std::string_view line;
};

struct Rule {
  std::string_view files;   // regex: which paths the rule speaks of
  std::string_view word;    // every banned line contains it; finding it is cheaper than the regex
  std::string_view banned;  // regex: what no line in them may say
  std::string_view reason;
  Example bad;
  Example good;
};

constexpr std::string_view kProduct = "^(base|engine|daemon|sidecar|adapter|sim|demo)/";
constexpr std::string_view kDaemons = "^(base|engine|daemon|sidecar|adapter)/";

// clang-format off: one rule reads as one table row.
const Rule kRules[] = {
    // --- The include arrows of ARCHITECTURE.md, "The map".
    {"^base/", "#include", R"(#include "(?!base/))", "base is the bottom: it includes nothing of ours",
     {"base/result.h", R"(#include "engine/signal.h")"}, {"base/result.h", R"(#include "base/clock.h")"}},
    {"^engine/", "#include", R"(#include "(?!(base|engine)/|snapshot\.pb\.h"))", "engine includes base and itself only",
     {"engine/signal.h", R"(#include "daemon/http.h")"}, {"engine/signal.h", R"(#include "base/clock.h")"}},
    {"^daemon/", "#include", R"(#include "(?!(base|daemon)/))", "daemon includes base and itself only",
     {"daemon/log.h", R"(#include "engine/signal.h")"}, {"daemon/log.h", R"(#include "base/result.h")"}},
    {"^sidecar/", "#include", R"(#include "(?!(base|engine|daemon|sidecar)/))",
     "the daemons share engine and daemon, not each other",
     {"sidecar/scraper.h", R"(#include "adapter/collector.h")"}, {"sidecar/scraper.h", R"(#include "engine/signal.h")"}},
    {"^adapter/", "#include", R"(#include "(?!(base|engine|daemon|adapter)/|keda_externalscaler\.grpc\.pb\.h"))",
     "the daemons share engine and daemon, not each other",
     {"adapter/collector.h", R"(#include "sidecar/scraper.h")"}, {"adapter/collector.h", R"(#include "daemon/http.h")"}},
    {"^sim/", "#include", R"(#include "(?!(base|engine|daemon|sim)/))", "sim knows neither daemon nor demo",
     {"sim/main.cpp", R"(#include "sidecar/scraper.h")"}, {"sim/main.cpp", R"(#include "daemon/log.h")"}},
    {"^demo/", "#include", R"(#include "(?!(base|engine|daemon|demo)/|sim/load))",
     "demo sees the daemons from outside, as a cluster does; of sim it takes the load generator",
     {"demo/main.cpp", R"(#include "adapter/catalogue.h")"}, {"demo/main.cpp", R"(#include "sim/load.h")"}},

    // --- Purity and the sidecar's diet.
    {"^engine/", "#include <",
     R"(#include <(boost/(?!container/)|curl|hiredis|httplib|spdlog|grpc|openssl|prometheus|sys/|netinet|arpa|unistd|thread|fstream|iostream))",
     "engine is pure: no network, file, thread or log",
     {"engine/signal.cpp", "#include <boost/asio.hpp>"}, {"engine/signal.cpp", "#include <string>"}},
    {"^engine/", "system_now", R"(\bsystem_now\b)", "engine takes the time as an argument",
     {"engine/windows.cpp", "const Instant now = system_now();"}, {"daemon/event_loop.cpp", "Clock clock = system_now;"}},
    {R"(^(?!(adapter/|tests/|bench/|daemon/tls)))", "#include <", R"(#include <(openssl|boost/asio/ssl|boost/beast/ssl))",
     "TLS is a transport of its own, which the sidecar does not link",
     {"sidecar/scraper.cpp", "#include <openssl/ssl.h>"}, {"daemon/tls_transport.cpp", "#include <openssl/ssl.h>"}},
    {R"(^(?!(adapter/keda_|tests/|bench/)))", "#include <grpc", "#include <grpc", "gRPC stays in adapter/keda_*",
     {"adapter/collector.cpp", "#include <grpcpp/grpcpp.h>"}, {"adapter/keda_scaler.cpp", "#include <grpcpp/grpcpp.h>"}},
    {R"(^adapter/(keda_(trigger|memory|answers|push|clients)|(?!keda_)))", "#include",
     R"(#include "(adapter/keda_streams\.h|keda_externalscaler))", "what KEDA is told is decided without gRPC, so that it can be sanitized",
     {"adapter/keda_answers.cpp", R"(#include "keda_externalscaler.grpc.pb.h")"},
     {"adapter/keda_streams.h", R"(#include "keda_externalscaler.grpc.pb.h")"}},
    {R"(^(?!(sim/|demo/|tests/|bench/)))", "#include <httplib", "#include <httplib", "its listener is not for hostile networks",
     {"daemon/http.cpp", "#include <httplib.h>"}, {"sim/server.cpp", "#include <httplib.h>"}},

    // --- Time, environment, locale, waits.
    {R"(^(?!base/clock\.h$|tests/|bench/))", "now", R"(_clock::now\(|\bgettimeofday\()", "take a Clock or a time",
     {"daemon/log.cpp", "auto t = std::chrono::steady_clock::now();"}, {"base/clock.h", "std::chrono::steady_clock::now()"}},
    {R"(^(?!daemon/config\.cpp$|demo/child_process\.cpp$|tests/|bench/))", "env", R"(\b(secure_getenv|getenv|setenv|putenv)\(|\benviron\b)",
     "only daemon/config.cpp reads the environment; a child process inherits it",
     {"sidecar/main.cpp", R"(const char* x = std::getenv("X");)"}, {"daemon/config.cpp", "std::getenv(name)"}},
    {kProduct, "(", R"(\b(stod|stof|strtod|strtof|atof|sscanf)\()", "the locale would decide: std::from_chars",
     {"engine/exposition.cpp", "double x = std::stod(text);"}, {"engine/exposition.cpp", "std::from_chars(a, b, x);"}},
    {kDaemons, "sleep", R"(\b(sleep_for|sleep_until|usleep|nanosleep)\(|::sleep\()", "wait on something that hears the stop signal",
     {"engine/windows.cpp", "std::this_thread::sleep_for(1s);"}, {"daemon/event_loop.cpp", "timer.expires_after(1s);"}},
    {"^tests/unit/", "sleep", R"(\b(sleep_for|sleep_until|usleep|nanosleep)\(|::sleep\()", "time is an argument in a unit test",
     {"tests/unit/engine/windows_test.cpp", "std::this_thread::sleep_for(1s);"}, {"tests/process/fault_test.cpp", "sleep_for(10ms);"}},
    {"", "co_await", R"(\b(if|while) \([^)]*co_await )", "g++ 12 misplaces the resume pointer: name the value first",
     {"daemon/x.cpp", "  while (co_await next()) {"}, {"daemon/x.cpp", "  if (!answer_) co_await park();"}},
    {kProduct, "detach", R"(\.detach\(\))", "every thread is joined",
     {"sim/server.cpp", "std::thread(run).detach();"}, {"daemon/http_server.cpp", "co_spawn(loop, serve(), asio::detached);"}},

    // --- Errors.
    {R"(\.h$)", "Result<", R"(^\s*((virtual|static|inline|friend) )*Result<.*> \w+\()", "mark it [[nodiscard]]: tl::expected is not",
     {"daemon/config.h", "  static Result<Config> parse(std::string_view text);"},
     {"daemon/config.h", "  [[nodiscard]] static Result<Config> parse(std::string_view text);"}},
    {kProduct, "throw", R"(^\s*throw\b|[;{)]\s*throw\b)", "we do not throw: return fail(...)",
     {"engine/windows.cpp", R"(  throw std::runtime_error("x");)"}, {"engine/windows.cpp", "// Boost may throw here."}},

    // --- Text.
    {"", "\t", "\t", "indent by spaces", {"base/result.h", "\tint x;"}, {"base/result.h", "  int x;"}},
    {R"(\.h$)", "using namespace", "using namespace", "a header decides no names for its readers",
     {"engine/signal.h", "using namespace std;"}, {"engine/signal.h", "using std::string;"}},
    {"", "TODO", R"(\bTODO(?!\(#\d+\)))", "a TODO names its issue: TODO(#12)",
     {"sim/main.cpp", "// TODO: later"}, {"sim/main.cpp", "// TODO(#12): later"}},
    {"", "FIXME", R"(\bFIXME\b)", "fix it, or write TODO(#issue)",
     {"sim/main.cpp", "// FIXME: later"}, {"sim/main.cpp", "// Fixed point."}},
    {"", "NOLINT", R"(NOLINT(?!(NEXTLINE)?\([\w.,* -]+\):? \w))", "a NOLINT names its check and its reason",
     {"sim/main.cpp", "x();  // NOLINT(bugprone-foo)"}, {"sim/main.cpp", "x();  // NOLINT(bugprone-foo): y is never null"}},
};
// clang-format on

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Columns, not bytes: the continuation bytes of UTF-8 take no room.
std::size_t width(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// A URL cannot be broken over two lines.
bool too_wide(std::string_view line) {
  return width(line) > kLineWidth && line.find("://") == std::string_view::npos;
}

const std::regex& compiled(std::string_view pattern) {
  static std::map<std::string, std::regex, std::less<>> cache;
  auto found = cache.find(pattern);
  if (found == cache.end()) {
    found = cache.emplace(pattern, std::regex(std::string(pattern))).first;
  }
  return found->second;
}

bool matches(std::string_view text, std::string_view pattern) {
  return std::regex_search(text.begin(), text.end(), compiled(pattern));
}

// What this file's own words break; `path` is relative to the root.
std::string violations_in(std::string_view path, std::string_view text) {
  std::string found;
  const auto report = [&](std::size_t line, std::string_view reason) {
    found += fmt::format("{}:{}: {}\n", path, line, reason);
  };
  std::vector<const Rule*> rules;
  for (const Rule& rule : kRules) {
    if (matches(path, rule.files)) rules.push_back(&rule);
  }
  const std::vector<std::string> lines = lines_of(text);
  std::string attribute;  // "[[nodiscard]]" on a line of its own belongs to the next
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = std::exchange(attribute, "") + lines[i];
    for (const Rule* rule : rules) {
      if (line.find(rule->word) != std::string::npos && matches(line, rule->banned))
        report(i + 1, rule->reason);
    }
    if (too_wide(lines[i])) report(i + 1, "wider than 100 columns");
    if (line.ends_with("[[nodiscard]]")) attribute = line;
  }
  if (path.ends_with(".h") && !text.starts_with("//"))
    report(1, "a header starts by saying what it is");
  if (path.ends_with(".h") && text.find("\n#pragma once\n") == std::string_view::npos)
    report(1, "no #pragma once");
  return found;
}

// --- The tree.

fs::path root() {
  return LEADLINE_SOURCE_DIR;
}

// Every source of ours, path relative to the root -> text. This file is left out: it quotes the
// sins.
std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> files;
  for (const char* folder :
       {"base", "engine", "daemon", "sidecar", "adapter", "sim", "demo", "tests", "bench"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root() / folder)) {
      const fs::path& file = entry.path();
      if (file.extension() != ".h" && file.extension() != ".cpp") continue;
      files[fs::relative(file, root()).string()] = text_of(file);
    }
  }
  files.erase("tests/tidy_test.cpp");
  return files;
}

using Sources = std::map<std::string, std::string>;

// What `text` includes, without quotes or brackets.
std::vector<std::string> includes_of(std::string_view text) {
  constexpr std::string_view kDirective = "#include ";
  std::vector<std::string> found;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with(kDirective)) continue;
    const std::size_t begin = kDirective.size() + 1;
    found.push_back(line.substr(begin, line.find_first_of("\">", begin) - begin));
  }
  return found;
}

// Does `path` include Boost.Beast, itself or through a header of ours?
bool reaches_beast(const Sources& files, const std::string& path, std::set<std::string>& seen) {
  const auto file = files.find(path);
  if (file == files.end() || !seen.insert(path).second) return false;
  const std::vector<std::string> includes = includes_of(file->second);
  return std::any_of(includes.begin(), includes.end(), [&](const std::string& included) {
    return included.starts_with("boost/beast") || reaches_beast(files, included, seen);
  });
}

std::vector<std::string> beast_files(const Sources& files) {
  std::vector<std::string> found;
  for (const auto& [path, text] : files) {
    std::set<std::string> seen;
    if (matches(path, kProduct) && path.ends_with(".cpp") && reaches_beast(files, path, seen))
      found.push_back(path);
  }
  return found;
}

// All CMakeLists.txt beneath one top folder, in one text.
std::string build_files(const std::string& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(root() / folder)) {
    if (entry.path().filename() == "CMakeLists.txt") text += text_of(entry.path());
  }
  return text;
}

// A .cpp that no build file of its top folder names is never compiled.
std::vector<std::string> dead_files(const Sources& files) {
  std::map<std::string, std::string> lists;
  std::vector<std::string> dead;
  for (const auto& [path, text] : files) {
    const std::string top = path.substr(0, path.find('/'));
    if (lists.count(top) == 0) lists[top] = build_files(top);
    const std::string name = fs::path(path).filename().string();
    if (path.ends_with(".cpp") && lists[top].find(name) == std::string::npos) dead.push_back(path);
  }
  return dead;
}

// Every first group of `pattern` in `text`.
std::set<std::string> all_of(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), regex);
       it != std::sregex_iterator(); ++it) {
    found.insert((*it)[1]);
  }
  return found;
}

// Links to files of ours, relative to the page, that lead nowhere.
std::set<std::string> missing_links(const fs::path& page) {
  std::set<std::string> missing;
  for (const std::string& link : all_of(text_of(page), R"(\]\(([^)#:]+)\))")) {
    if (!fs::exists(page.parent_path() / link)) missing.insert(link);
  }
  return missing;
}

TEST(TidyTest, EveryFileKeepsTheRules) {
  std::string found;
  for (const auto& [path, text] : sources()) found += violations_in(path, text);
  EXPECT_EQ(found, "");
}

TEST(TidyTest, EveryRuleBitesItsBadLineAndSparesItsGoodOne) {
  const std::string head = "// What it is.\n#pragma once\n";
  for (const Rule& rule : kRules) {
    SCOPED_TRACE(rule.bad.line);
    const auto reported = [&](const Example& example) {
      return violations_in(example.path, head + std::string(example.line) + "\n");
    };
    EXPECT_EQ(reported(rule.bad), fmt::format("{}:3: {}\n", rule.bad.path, rule.reason));
    EXPECT_EQ(reported(rule.good).find(rule.reason), std::string::npos) << rule.good.line;
  }
}

TEST(TidyTest, RulesOfWholeFilesBite) {
  const auto f = [](std::string_view path, const std::string& text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(violations_in(path, text), want);
  };
  const std::string head = "// What it is.\n#pragma once\n";
  f("base/a.h", head, "");
  f("base/a.h", "#pragma once\n",
    "base/a.h:1: a header starts by saying what it is\nbase/a.h:1: no #pragma once\n");
  f("base/a.h", "// What it is.\nint a();\n", "base/a.h:1: no #pragma once\n");
  f("base/a.cpp", std::string(kLineWidth, 'x') + "\n", "");
  f("base/a.cpp", std::string(kLineWidth + 1, 'x') + "\n",
    "base/a.cpp:1: wider than 100 columns\n");
  f("base/a.cpp", std::string(kLineWidth - 1, 'x') + "\u03ba\n", "");  // one column, two bytes
  f("base/a.cpp", "// https://" + std::string(kLineWidth, 'x') + "\n", "");
  f("base/a.h", head + "[[nodiscard]]\nResult<int> a();\n", "");
}

TEST(TidyTest, BeastStaysInFewFiles) {
  EXPECT_LE(beast_files(sources()).size(), kBeastFiles)
      << fmt::format("{}", fmt::join(beast_files(sources()), "\n"));
}

TEST(TidyTest, BeastIsSeenThroughOurOwnHeaders) {
  const Sources files = {{"daemon/a.cpp", "#include \"daemon/b.h\"\n"},
                         {"daemon/b.h", "#include \"daemon/c.h\"\n#include \"daemon/b.h\"\n"},
                         {"daemon/c.h", "#include <boost/beast/http.hpp>\n"},
                         {"daemon/d.cpp", "#include <boost/asio/post.hpp>\n"}};
  EXPECT_EQ(beast_files(files), std::vector<std::string>{"daemon/a.cpp"});
}

TEST(TidyTest, EverySourceIsNamedByItsBuildFile) {
  EXPECT_EQ(dead_files(sources()), std::vector<std::string>{});
  EXPECT_EQ(dead_files({{"engine/nobody.cpp", ""}}), std::vector<std::string>{"engine/nobody.cpp"});
}

TEST(TidyTest, ReadmeNamesJobsThatExist) {
  const std::string script = text_of(root() / "dev");
  const std::set<std::string> jobs = all_of(text_of(root() / "README.md"), R"(\./dev ([a-z]+))");
  EXPECT_TRUE(jobs.count("demo") == 1 && jobs.count("test") == 1) << "the README's two commands";
  for (const std::string& job : jobs) {
    EXPECT_NE(script.find("\ncmd_" + job + "() {"), std::string::npos) << "./dev " << job;
  }
}

TEST(TidyTest, ReadmeGivesEveryMetricAndItsUnit) {
  const std::string page = text_of(root() / "README.md");
  for (const leadline::SignalRow& row : leadline::signal_table()) {
    const std::string_view name = row.metric.empty() ? row.name : row.metric;
    const std::string cells = fmt::format(R"(\n\| `{}[`_][^|]*\| {} \|)", name, row.unit);
    EXPECT_TRUE(matches(page, cells)) << name << " in " << row.unit;
  }
}

TEST(TidyTest, TheMapNamesEveryFolderAndNoOther) {
  const std::string page = text_of(root() / "ARCHITECTURE.md");
  for (const std::string& folder : all_of(page, R"(\n\| `([a-z_/]+)/` \|)")) {
    EXPECT_TRUE(fs::is_directory(root() / folder)) << folder << " is on the map only";
  }
  for (const char* folder : {"base", "engine", "engine/dialects", "engine/scaling", "daemon",
                             "sidecar", "adapter", "sim", "demo", "manifests", "tests", "bench"}) {
    EXPECT_NE(page.find(fmt::format("\n| `{}/` |", folder)), std::string::npos)
        << folder << " is not on the map";
  }
}

TEST(TidyTest, LinksOfThePagesLeadSomewhere) {
  for (const char* page : {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"}) {
    EXPECT_TRUE(fs::exists(root() / page)) << page;
    EXPECT_EQ(missing_links(root() / page), std::set<std::string>{}) << page;
  }
}

}  // namespace
