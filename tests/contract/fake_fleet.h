// FakeFleet is pods as the contract's checks need them: each has a sidecar of its own on a free
// port of the loopback, which says what the test makes up, with the sample time that the test
// wants, and answers every poll at once. Every method may be called from the test's thread.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "daemon/http_server.h"
#include "engine/pod_snapshot.h"
#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

struct FakePod {
  std::string name;
  nlohmann::json labels = nlohmann::json::object();
  nlohmann::json owner = {};  // {apiVersion, kind, name}; null: none
  std::string node = "n1";
  std::string namespace_name = "ns";
  bool deleting = false;
};

// One series of a model with everything known: `queue` waiting, one running, a request a second.
[[nodiscard]] SeriesSnapshot series_with(double queue, std::string model = "meta-llama/Llama-3-8B");

class FakeFleet {
 public:
  FakeFleet();
  ~FakeFleet();

  // Lists a pod, whose sidecar says `queue` from now on; nullopt: it answers 500.
  void add(const FakePod& pod, std::optional<double> queue);

  // Every method below: of the pod of that name. REQUIRES: it was added.
  void say(const std::string& name, std::vector<SeriesSnapshot> series);
  // The bytes of a snapshot whose queue depth is `value`, NaN and infinity too, which our own
  // encoder would leave out.
  void say_raw_queue(const std::string& name, double value);
  void remove(const std::string& name);
  FakePod& pod(const std::string& name);

  // From now on every sample was taken then; nullopt: at the moment that it is asked for.
  void sampled_at(std::optional<SteadyTime> moment);
  void sampled_at(const std::string& name, SteadyTime moment);

  // All sidecars die.
  void hang_up();

  // The pods file's `pods`.
  [[nodiscard]] nlohmann::json document() const;
  // How many pods say something that a reader accepts.
  [[nodiscard]] std::size_t speaking() const;

 private:
  struct Sidecar;
  [[nodiscard]] Sidecar& sidecar(const std::string& name) { return *sidecars_.at(name); }
  [[nodiscard]] PodSnapshot snapshot_of(const FakePod& pod, std::vector<SeriesSnapshot> series);
  void set_body(Sidecar& sidecar, std::string body);

  LoopThread thread_;
  std::map<std::string, std::unique_ptr<Sidecar>> sidecars_;
  std::uint64_t sequence_ = 0;
};

}  // namespace leadline::test
