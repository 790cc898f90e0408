#include "adapter/keda_streams.h"

#include <utility>

namespace leadline {

std::chrono::seconds keda_stream_life(std::uint64_t number) {
  constexpr std::uint64_t kShortest = 27 * 60, kSpread = 6 * 60;
  constexpr std::uint64_t kStep = 2654435761;  // Knuth's: neighbours land far from each other
  return std::chrono::seconds(kShortest + number * kStep % kSpread);
}

KedaStreams::Opened KedaStreams::open(const std::shared_ptr<KedaStream>& stream, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Opened::kStopping;
  if (streams_.size() >= kMaxStreams) return Opened::kFull;
  std::size_t& siblings = of_namespace_[stream->namespace_name()];
  if (siblings >= kMaxStreamsOfNamespace) return Opened::kFull;
  ++siblings;
  streams_[stream.get()] = {stream, now + keda_stream_life(opened_++)};
  return Opened::kYes;
}

void KedaStreams::forget(const KedaStream* stream) {
  std::shared_ptr<KedaStream> last;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  last = std::move(found->second.stream);
  streams_.erase(found);
  const auto siblings = of_namespace_.find(last->namespace_name());
  if (--siblings->second == 0) of_namespace_.erase(siblings);
}

void KedaStreams::tick(SteadyTime now) {
  std::vector<Entry> open;
  {
    const std::lock_guard lock(mutex_);
    open.reserve(streams_.size());
    for (const auto& [key, entry] : streams_) open.push_back(entry);
  }
  for (const Entry& entry : open) {
    if (now >= entry.ends_at) {
      entry.stream->end(grpc::Status::OK);
    } else {
      entry.stream->tick(now);
    }
  }
}

void KedaStreams::end_all() {
  std::vector<std::shared_ptr<KedaStream>> open;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [key, entry] : streams_) open.push_back(entry.stream);
  }
  for (const auto& stream : open) stream->end(grpc::Status::OK);
}

std::size_t KedaStreams::size() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

}  // namespace leadline
