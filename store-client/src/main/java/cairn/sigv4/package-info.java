/**
 * Signs HTTP requests as AWS does, and verifies them: Signature Version 4, both sides.
 *
 * <p>Start at {@link cairn.sigv4.SigV4Signer} and {@link cairn.sigv4.SigV4Verifier}; both put a
 * {@link cairn.sigv4.SignableRequest} into the same canonical form and hash that. Always true: nothing here knows an
 * HTTP library, reads a body, or tells a secret. Texts of a request are <i>wire texts</i>: one char for each byte that
 * is sent, so what is signed is what was sent, whatever its encoding.
 *
 * @see <a href="https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html">The specification</a>
 */
package cairn.sigv4;
