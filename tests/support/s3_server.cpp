// The S3 server of the stores' tests as a program, for the tests from the outside: prints its port
// when it serves, and runs until its input ends.

#include <iostream>

#include "adapters/blob/rgw_test_support.h"

int main() {
    const muster::test::RgwCluster cluster;
    if (!cluster.is_up()) {
        return 1;
    }
    std::cout << cluster.port() << std::endl;  // NOLINT: the reader waits for it.
    std::cin.get();
    return 0;
}
