// KedaStreams keeps the open streams of KEDA and says on each what is due. keda_server's own.
//
// A stream ends with OK when it has lived for about half an hour, so that KEDA comes again and may
// find other replicas, and when we stop; else it would meet the connection's end, which KEDA takes
// for a failure. Thread-safe: gRPC's threads open and end streams, the loop ticks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include "base/clock.h"
#include "keda_externalscaler.grpc.pb.h"

namespace leadline {

// How long a stream lives: between 27 and 33 minutes, so that those opened at once end one by one.
[[nodiscard]] std::chrono::seconds keda_stream_life(std::uint64_t number);

// What the hub knows of a stream.
class KedaStream {
 public:
  virtual ~KedaStream() = default;
  [[nodiscard]] virtual const std::string& namespace_name() const = 0;  // that it asks about
  virtual void tick(SteadyTime now) = 0;                                // says what is due
  virtual void end(grpc::Status status) = 0;
};

class KedaStreams {
 public:
  static constexpr std::size_t kMaxStreams = 20'000;
  static constexpr std::size_t kMaxStreamsOfNamespace = 4'000;  // one tenant leaves room for others

  // Takes a stream in, unless there are too many or we are stopping.
  enum class Opened { kYes, kFull, kStopping };
  Opened open(const std::shared_ptr<KedaStream>& stream, SteadyTime now);
  void forget(const KedaStream* stream);

  void tick(SteadyTime now);
  void end_all();
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<KedaStream> stream;
    SteadyTime ends_at;
  };

  mutable std::mutex mutex_;
  std::unordered_map<const KedaStream*, Entry> streams_;
  std::unordered_map<std::string, std::size_t> of_namespace_;  // how many of them
  std::uint64_t opened_ = 0;
  bool stopping_ = false;
};

// A stream of messages to one client: at most one write at a time. Owned by itself until gRPC is
// done with it. `Reactor` is gRPC's, but in a test of its threads.
template <typename Message, typename Reactor = grpc::ServerWriteReactor<Message>>
class KedaWriter : public Reactor, public KedaStream {
 public:
  explicit KedaWriter(KedaStreams& streams) : streams_(streams) {}

  // The stream begins; it is deleted when gRPC is done with it and nobody ticks it any more.
  void begin(const std::shared_ptr<KedaWriter>& self, SteadyTime now) {
    self_ = self;
    const auto opened = streams_.open(self, now);
    if (opened == KedaStreams::Opened::kYes) return tick(now);
    end(opened == KedaStreams::Opened::kStopping
            ? grpc::Status::OK
            : grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many streams are open"));
  }

  void end(grpc::Status status) final {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      ending_ = true;
      status_ = std::move(status);
      if (writing_) return;  // OnWriteDone ends it
    }
    this->Finish(status_);
  }

  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  void OnWriteDone(bool ok) final {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ending_ && ok) return;
      if (!ending_) status_ = grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone");
      ending_ = true;
    }
    this->Finish(status_);
  }

  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  void OnCancel() final { end(grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone")); }

  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  void OnDone() final {
    streams_.forget(this);
    const auto last = std::move(self_);  // a tick may still hold it: it finds it ending
  }

 protected:
  // Whether it was taken: not while a message is on its way, and the caller then tries again.
  bool send(const Message& message) {
    {
      const std::lock_guard lock(mutex_);
      if (writing_ || ending_) return false;
      writing_ = true;
    }
    message_ = message;
    this->StartWrite(&message_);
    return true;
  }

  // Whether send() would take a message.
  [[nodiscard]] bool idle() const {
    const std::lock_guard lock(mutex_);
    return !writing_ && !ending_;
  }

 private:
  KedaStreams& streams_;
  std::shared_ptr<KedaWriter> self_;
  mutable std::mutex mutex_;
  bool writing_ = false, ending_ = false;
  grpc::Status status_;
  Message message_;
};

}  // namespace leadline
