// A payment provider that behaves as the input tells it, so that every path of the workflow can be walked.
//   card ends in 0002   the card is declined
//   unavailableTimes: N the first N attempts of an order find the provider out of order

export class PaymentDeclined extends Error {
  name = "PaymentDeclined";
}

export class PaymentGatewayUnavailable extends Error {
  name = "PaymentGatewayUnavailable";
}

/** Charges `{orderId, totalCents, payment, attempt}`; gives `{paymentId, amountCents, last4}`. */
export async function charge({ orderId, totalCents, payment, attempt }) {
  const { card = "", unavailableTimes = 0 } = payment ?? {};
  if (attempt < unavailableTimes) {
    throw new PaymentGatewayUnavailable(`attempt ${attempt + 1} for order ${orderId}: no answer`);
  }
  if (!passesLuhn(card)) throw new PaymentDeclined(`order ${orderId}: the card number is wrong`);
  if (card.endsWith("0002")) throw new PaymentDeclined(`order ${orderId}: the bank declined the card`);
  console.log(`charged ${totalCents} cents for order ${orderId}`);
  return { paymentId: `P-${orderId}`, amountCents: totalCents, last4: card.slice(-4) };
}

/** Pays back `{paymentId, amountCents}`. */
export async function refund({ paymentId, amountCents }) {
  console.log(`refunded ${amountCents} cents of ${paymentId}`);
  return { refundId: `F-${paymentId}`, amountCents };
}

/** The check sum that every card number has. */
function passesLuhn(card) {
  if (!/^\d{12,19}$/.test(card)) return false;
  const digits = [...card].reverse().map(Number);
  const sum = digits.reduce((total, digit, place) => {
    const doubled = digit * 2;
    return total + (place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}
