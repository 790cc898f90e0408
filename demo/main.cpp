// leadline-demo: the main job on one machine, to look at and to test.

#include <cstdio>

#include "demo/options.h"
#include "demo/run_demo.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = leadline::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  if (const auto ended = leadline::run_demo(*options); !ended) {
    std::fprintf(stderr, "leadline-demo: %s\n", ended.error().message.c_str());
    return 1;
  }
  return 0;
}
