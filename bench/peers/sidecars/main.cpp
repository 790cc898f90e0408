// Stand-in sidecars for pods that a real kube-apiserver has, until it is killed.
//
//   bench_sidecars PODS_FILE
//
// A line a pod of namespace `bench`: NAME UID ADDRESS. Prints `listening` once all do.

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/parts/measured_adapter.h"
#include "bench/parts/stand_in_fleet.h"

namespace {

using namespace leadline;
using namespace leadline::bench;

std::vector<StandInPod> pods_in(const std::string& path) {
  std::ifstream file(path);
  std::vector<StandInPod> pods;
  for (StandInPod pod; file >> pod.name >> pod.uid >> pod.address;) pods.push_back(pod);
  if (pods.empty()) throw std::runtime_error(path + ": no pods");
  return pods;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bench_sidecars PODS_FILE\n", stderr);
    return 2;
  }
  try {
    const StandInFleet fleet(pods_in(argv[1]));
    std::puts("listening");
    std::fflush(stdout);
    ::pause();
  } catch (const std::exception& error) {
    return report_failure("bench_sidecars", error);
  }
  return 0;
}
