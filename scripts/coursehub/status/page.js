"use strict";
(() => {
  const now = document.getElementById("now");
  const at = Number(now.dataset.at) * 1000;
  const limit = Number(now.dataset.limit) * 1000;
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const zones = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });
  const two = (number) => String(number).padStart(2, "0");

  // As the page writes times itself, but by the reader's clock.
  const moment = (time) => {
    const zone = zones.formatToParts(time).find((part) => part.type === "timeZoneName").value;
    const year = time.getFullYear() === new Date(at).getFullYear() ? "" : " " + time.getFullYear();
    return time.getDate() + " " + months[time.getMonth()] + year + " " + two(time.getHours()) + ":" +
      two(time.getMinutes()) + " " + zone;
  };
  for (const one of document.querySelectorAll("time[datetime]")) {
    one.title = one.textContent;
    one.textContent = moment(new Date(one.dateTime));
  }

  // Hours and minutes since the check.
  const length = (milliseconds) => {
    const minutes = Math.round(milliseconds / 60000);
    if (minutes < 60) return minutes + " min";
    const hours = Math.round(minutes / 60);
    return hours < 48 ? hours + " h" : Math.round(hours / 24) + " days";
  };

  const look = () => {
    const age = Date.now() - at;
    if (age >= 0) document.getElementById("age").textContent = ", " + length(age) + " ago";
    if (age <= limit || now.dataset.state === "none" || now.classList.contains("stale")) return;
    const since = moment(new Date(at));
    const stale = document.getElementById("stale");
    if (now.dataset.state !== "unknown") {
      stale.textContent = "Then the hub was: " + now.dataset.state + ". ";
    }
    stale.textContent += "Reload the page to see whether there is a newer check.";
    stale.hidden = false;
    document.getElementById("state").textContent = "Unknown: no check since " + since;
    document.title = "Unknown · " + document.querySelector("h1").textContent;
    now.classList.remove(now.dataset.state);
    now.classList.add("unknown", "stale");
    now.querySelector("use").setAttribute("href", "#sign-unknown");
    now.querySelector(".sign").setAttribute("class", "sign unknown");
  };
  look();
  setInterval(look, 30000);

  // What a day was, for fingers too, which have no pointer to rest on it.
  const day = document.getElementById("day");
  day.textContent = "Point at a bar to read its day.";
  const tell = (event) => {
    const bar = event.target.closest(".days li");
    if (bar) day.textContent = bar.querySelector("title").textContent;
  };
  for (const kind of ["pointerover", "click"]) document.querySelector(".days").addEventListener(kind, tell);
})();
