package cairn.bench;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Other people's programs, which a measurement needs. */
final class Tools {
    private Tools() {}

    /** Skips the test if a program is not installed; with CAIRN_REQUIRE_TOOLS=1 in the environment fails it. */
    static void require(String... programs) {
        for (String program : programs) {
            String missing = program + " is not installed";
            if (!Subjects.isInstalled(program)) {
                if ("1".equals(System.getenv("CAIRN_REQUIRE_TOOLS"))) {
                    Assertions.fail(missing);
                }
                Assumptions.abort(missing);
            }
        }
    }
}
