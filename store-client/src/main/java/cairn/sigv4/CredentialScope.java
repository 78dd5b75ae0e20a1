package cairn.sigv4;

import cairn.Text;

/**
 * Whose signature it is, and where it holds: {@code KEY/DATE/REGION/SERVICE/aws4_request}.
 *
 * @param date yyyyMMdd, UTC
 */
record CredentialScope(String accessKeyId, String date, String region, String service) {
    private static final int NAME_CHARS_MAX = 64;
    private static final String TERMINATOR = "aws4_request";

    CredentialScope {
        if (!Credentials.isAccessKeyId(accessKeyId) || !AmzDate.isDay(date) || !isName(region) || !isName(service)) {
            throw malformed(accessKeyId + '/' + date + '/' + region + '/' + service);
        }
    }

    /** @throws SigV4Exception MALFORMED_SCOPE */
    static CredentialScope parse(String text) {
        String[] parts = text.split("/", 6);
        if (parts.length != 5 || !parts[4].equals(TERMINATOR)) {
            throw malformed(text);
        }
        return new CredentialScope(parts[0], parts[1], parts[2], parts[3]);
    }

    private static boolean isName(String text) {
        return !text.isEmpty()
                && text.length() <= NAME_CHARS_MAX
                && text.chars().allMatch(c -> Wire.isLetterOrDigit(c) || c == '-' || c == '_' || c == '.');
    }

    private static SigV4Exception malformed(String text) {
        return new SigV4Exception(
                SigV4Fault.MALFORMED_SCOPE,
                "a credential is KEY/DATE/REGION/SERVICE/aws4_request, not \"" + Text.shown(text) + '"');
    }

    /** Without the key, as it is signed. */
    String withoutKey() {
        return date + '/' + region + '/' + service + '/' + TERMINATOR;
    }

    @Override
    public String toString() {
        return accessKeyId + '/' + withoutKey();
    }
}
