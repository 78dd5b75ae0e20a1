package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WildcardTest {
    @ParameterizedTest
    @CsvSource({
        "'', '', true",
        "'', a, false",
        "a, '', false",
        "a, a, true",
        "a, A, false",
        "*, '', true",
        "*, abc, true",
        "**, abc, true",
        "?, '', false",
        "?, a, true",
        "?, \uD83D\uDE00, true",
        "??, \uD83D\uDE00, false",
        "a*c, abbbc, true",
        "a*c, abbb, false",
        "*b?, aabbc, true",
        "*.img, debian.img, true",
        "\\*amazon\\?\\\\, *amazon?\\, true",
        "\\*, a, false",
        "\\?, a, false",
        "\\a, a, true",
        "a\\, a\\, true",
        "a*\uD83D\uDE00*, ab\uD83D\uDE00, true",
    })
    void matchesAsEc2Says(String pattern, String text, boolean isMatch) {
        assertEquals(isMatch, new Wildcard(pattern).matches(text));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void agreesWithRegularExpressions(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            String pattern = letters(random, "ab*?");
            String text = letters(random, "ab");
            Pattern same = Pattern.compile(pattern.replace("*", ".*").replace("?", "."));

            assertEquals(same.matcher(text).matches(), new Wildcard(pattern).matches(text), pattern + ' ' + text);
        }
    }

    private static String letters(Random random, String alphabet) {
        StringBuilder text = new StringBuilder();
        random.ints(random.nextInt(9), 0, alphabet.length()).forEach(i -> text.append(alphabet.charAt(i)));
        return text.toString();
    }

    @Test
    void manyStarsTakeNoLonger() {
        Wildcard pattern = new Wildcard("*a".repeat(127) + "b");

        assertTimeoutPreemptively(
                Duration.ofSeconds(10), () -> assertFalse(pattern.matches("a".repeat(255).repeat(100))));
    }
}
