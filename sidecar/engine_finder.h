// EngineFinder asks the candidates one after the other until one is an engine's page. One search at
// a time, at most one GET at a time. The scrape loop searches while it knows no engine or lost it;
// `--once` searches once. The loop's thread only.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/engine_address.h"
#include "sidecar/scraper.h"

namespace leadline {

struct FindAttempt {
  HttpUrl endpoint;
  ScrapeResult result;
  std::string why;
};

struct FindOutcome {
  std::optional<HttpUrl> endpoint;  // nullopt: no candidate is an engine that we can read
  ScrapeOutcome outcome;            // of that endpoint; else of the attempt that tells most
  std::optional<HttpUrl> telling;   // the endpoint that `outcome` is of, where anything was tried
  std::vector<FindAttempt> tried;   // in order; candidates that were skipped are not in it
};

class EngineFinder {
 public:
  EngineFinder(Scraper& scraper, const EngineAddress& address);

  using Done = std::function<void(FindOutcome)>;

  // Calls `done` once: at once where there is nothing to try, and at latest after one
  // kScrapeTimeout per port. REQUIRES: no search and no scrape in flight.
  void search(Done done);

 private:
  struct Search;
  void ask_next(const std::shared_ptr<Search>& search);
  [[nodiscard]] bool worth_asking(const Search& search, const Candidate& candidate) const;
  void note(const std::shared_ptr<Search>& search, const HttpUrl& endpoint, ScrapeOutcome outcome);

  Scraper& scraper_;
  std::vector<Candidate> candidates_;
};

}  // namespace leadline
