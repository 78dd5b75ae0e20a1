package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.TypeConversionException;

class SizeConverterTest {
    private final SizeConverter sizes = new SizeConverter();

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "512, 512",
        "512.0, 512",
        "10G, 10737418240",
        "10g, 10737418240",
        "10GiB, 10737418240",
        "10gib, 10737418240",
        "1.5G, 1610612736",
        "1.50 GiB, 1610612736",
        "0.5k, 512",
        "256T, 281474976710656",
        "0.25P, 281474976710656",
    })
    void readsBytesAndUnits(String text, long sizeBytes) {
        assertEquals(sizeBytes, sizes.convert(text));
    }

    @ParameterizedTest
    @CsvSource({
        "10GB, 'is no size: units are powers of 1,024 (use GiB or G)'",
        "10gb, (use GiB or G)",
        "1.5mB, (use MiB or M)",
        "1.3G, is no whole number of bytes",
        "0.5, is no whole number of bytes",
        "257T, is too large (at most 256 TiB)",
        "281474976710657, is too large",
        "9999999P, is too large",
        "1000000000000000000, is no size (expecting",
        "-1, is no size (expecting",
        ".5G, is no size (expecting",
        "1.G, is no size (expecting",
        "1.5.5G, is no size (expecting",
        "10X, is no size (expecting",
        "'1  G', is no size (expecting",
        "'', is no size (expecting",
    })
    void refusesWhatIsNoSizeAndSaysWhy(String text, String why) {
        String message = assertThrows(TypeConversionException.class, () -> sizes.convert(text)).getMessage();

        assertTrue(message.startsWith("\"" + text + "\" is "), message);
        assertTrue(message.contains(why), message);
    }
}
