#include "sidecar/engine_finder.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace leadline {
namespace {

// A port that refused, hung up or was too busy to answer is not asked for its other paths.
bool speaks_for_port(ScrapeResult result) {
  return engine_gone(result) || result == ScrapeResult::kTimeout ||
         result == ScrapeResult::kBadAnswer;
}

// Which failure tells the operator most, best first: `refused` on eleven ports matters less than
// one page that says 401.
int telling_rank(ScrapeResult result) {
  constexpr std::array kBestFirst = {
      ScrapeResult::kOk,       ScrapeResult::kNoDialect, ScrapeResult::kUnauthorized,
      ScrapeResult::kDraining, ScrapeResult::kNoSeries,  ScrapeResult::kTooLarge,
      ScrapeResult::kBadPage,  ScrapeResult::kTimeout,   ScrapeResult::kBadStatus,
      ScrapeResult::kReset,    ScrapeResult::kBadAnswer, ScrapeResult::kRefused};
  static_assert(kBestFirst.size() == kScrapeResultCount);
  const auto* found = std::find(kBestFirst.begin(), kBestFirst.end(), result);
  return static_cast<int>(found - kBestFirst.begin());
}

}  // namespace

struct EngineFinder::Search {
  Done done;
  std::size_t next = 0;              // index of the next candidate
  std::set<std::string> dead_ports;  // authorities that need no further question in this search
  bool somebody_starting = false;    // an exposition without series, or a page that needs a key
  bool somebody_there = false;       // HTTP was spoken
  FindOutcome found;
};

EngineFinder::EngineFinder(Scraper& scraper, const EngineAddress& address)
    : scraper_(scraper), candidates_(candidates_of(address)) {}

void EngineFinder::search(Done done) {
  auto search = std::make_shared<Search>();
  search->done = std::move(done);
  ask_next(search);
}

bool EngineFinder::worth_asking(const Search& search, const Candidate& candidate) const {
  if (scraper_.is_draining(candidate.endpoint)) return false;
  if (search.dead_ports.contains(authority(candidate.endpoint))) return false;
  return !candidate.neighbour || (search.somebody_there && !search.somebody_starting);
}

void EngineFinder::ask_next(const std::shared_ptr<Search>& search) {
  while (search->next < candidates_.size()) {
    const Candidate& candidate = candidates_[search->next++];
    if (!worth_asking(*search, candidate)) continue;
    scraper_.scrape(candidate.endpoint,
                    [this, search, endpoint = candidate.endpoint](ScrapeOutcome outcome) {
                      note(search, endpoint, std::move(outcome));
                    });
    return;
  }
  search->done(std::move(search->found));
}

void EngineFinder::note(const std::shared_ptr<Search>& search, const HttpUrl& endpoint,
                        ScrapeOutcome outcome) {
  const ScrapeResult result = outcome.result;
  FindOutcome& found = search->found;
  found.tried.push_back({endpoint, result, outcome.why});
  if (speaks_for_port(result)) {
    search->dead_ports.insert(authority(endpoint));
  } else {
    search->somebody_there = true;
  }
  search->somebody_starting |= result == ScrapeResult::kNoSeries ||
                               result == ScrapeResult::kUnauthorized ||
                               result == ScrapeResult::kNoDialect;
  if (!found.telling || telling_rank(result) < telling_rank(found.outcome.result)) {
    found.outcome = std::move(outcome);
    found.telling = endpoint;
  }
  if (result == ScrapeResult::kOk) {
    found.endpoint = endpoint;
    search->done(std::move(found));
  } else {
    ask_next(search);
  }
}

}  // namespace leadline
