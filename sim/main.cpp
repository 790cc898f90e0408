// leadline-sim: the stand-in engine and the load generator.

#include "sim/commands.h"

int main(int argc, char** argv) {
  return leadline::run_sim(argc, argv);
}
