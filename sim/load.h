// The load generator as a library: read a trace, plan the arrivals, run them, watch, sum up. The
// demo includes this one header; each part's own header says the rest.

#pragma once

#include "sim/load_plan.h"
#include "sim/load_runner.h"
#include "sim/load_stats.h"
