#include "adapter/redis/queue_rates.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstTime{1'230'768'000'000};  // 2009, when Redis was new
constexpr milliseconds kFurthestAhead{3'600'000};      // by which a clock may have been set back

// Jobs are counted a moment before or after what was added.
std::int64_t lost_in_between(std::int64_t added) {
  return std::max<std::int64_t>(1, added / 100);
}

double seconds_of(SteadyTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void QueueRateWindow::add(SteadyTime at, const std::vector<std::int64_t>& added,
                          std::optional<std::int64_t> jobs) {
  if (!samples_.empty() && at - samples_.back().at < kStep) return;
  // Key by key: in their sum, what one key lost would be hidden by what others got.
  const bool goes_on = std::ranges::equal(added_, added, std::less_equal<>());
  if (!goes_on) samples_.clear();
  added_ = added;
  samples_.push_back({at, std::accumulate(added.begin(), added.end(), std::int64_t{0}), jobs});
  while (at - samples_.front().at > kWindow) samples_.pop_front();
}

Result<QueueRates> QueueRateWindow::rates() const {
  if (samples_.size() < 2) {
    return fail(Errc::kUnavailable, "counted once so far: a rate needs two counts, a second apart");
  }
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  const auto span = last.at - first.at;
  return QueueRates{.arrivals = static_cast<double>(last.added - first.added) / seconds_of(span),
                    .completions = completions(first, last),
                    .span = std::chrono::duration_cast<milliseconds>(span)};
}

Result<double> QueueRateWindow::completions(const Sample& first, const Sample& last) {
  if (!first.jobs || !last.jobs) {
    return fail(Errc::kUnavailable, "the jobs that wait are not known exactly");
  }
  const std::int64_t added = last.added - first.added;
  const std::int64_t done = added - (*last.jobs - *first.jobs);
  if (done < -lost_in_between(added)) {
    return fail(Errc::kUnavailable, "there are more jobs than were added: its group was set back");
  }
  return static_cast<double>(std::max<std::int64_t>(done, 0)) / seconds_of(last.at - first.at);
}

std::optional<milliseconds> time_of_entry(std::string_view id) {
  const std::string_view time = id.substr(0, id.find('-'));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), number);
  if (error != std::errc() || end != time.data() + time.size() || number < 0) return std::nullopt;
  return milliseconds(number);
}

Result<double> job_age(milliseconds came, milliseconds now) {
  if (came < kFirstTime || came - now > kFurthestAhead) {
    return fail(Errc::kUnavailable, "its oldest job's time, {} ms, is none: a producer made it up",
                came.count());
  }
  return std::chrono::duration<double>(std::max(now - came, milliseconds{0})).count();
}

}  // namespace leadline
