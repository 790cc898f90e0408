// A program that does nothing: what any C++ program of ours costs before it does anything. Linked
// twice: alone (`empty`), and with every shared library that the sidecar loads (`empty_linked`).

#include <unistd.h>

#include <iostream>

int main() {
  std::cout << "sleeping" << std::endl;
  ::pause();
}
